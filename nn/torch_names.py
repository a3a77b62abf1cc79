"""PyTorch's names and shapes for the numbers of a model: those of the ``torch.nn.Sequential`` of the same layers.

>>> import nn
>>> model = nn.MLP(2, [16, 1], rng=0)  # torch.nn.Sequential(Linear(2, 16), ReLU(), Linear(16, 1))
>>> {name: array.shape for name, array in nn.to_torch(model).items()}
{'0.weight': (16, 2), '0.bias': (16,), '2.weight': (1, 16), '2.bias': (1,)}

A ``Linear`` keeps the transpose of what ``Dense`` does; all other layers have the same names and shapes in both.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from .activations import Identity
from .layers import MLP, BatchNorm, Conv2d, Dense, Embedding, LayerNorm, Perceptron, Sequential
from .module import Module
from .saving import LoadError, StrPath, read_arrays, see_that_it_is_a_module, take_over, write_arrays

_KNOWN = (Dense, Perceptron, Conv2d, BatchNorm, LayerNorm, Embedding)  # layers with numbers that one of PyTorch keeps too
_NOT_KEPT = "num_batches_tracked"  # PyTorch counts them for averages of another kind


def save_torch(model: Module, path: StrPath) -> None:
    """Write a file that ``torch.nn.Sequential`` loads: ``.safetensors``, or ``.npz``.

    In PyTorch: ``sequential.load_state_dict(safetensors.torch.load_file(path))``.

    Raises:
        ValueError: a layer has no counterpart in PyTorch, or ``path`` ends otherwise.
        ImportError: for ``.safetensors``, if the extra ``[safetensors]`` is not installed.
        OSError: the file can't be written; an old one is still there.
    """
    write_arrays(path, to_torch(model), {"format": "pt"})


def load_torch(model: Module, path: StrPath) -> None:
    """Give ``model`` the numbers of a ``torch.nn.Sequential`` of the same layers; or change nothing.

    In PyTorch: ``safetensors.torch.save_file(sequential.state_dict(), path)``.

    Raises:
        TypeError: ``model`` is no Module.
        LoadError: the file is damaged, is a pickle, or does not fit the model.
        ImportError: for ``.safetensors``, if the extra ``[safetensors]`` is not installed.
        OSError: the file can't be read.
    """
    see_that_it_is_a_module(model, "nn.load_torch(model, path)")
    arrays, metadata = read_arrays(path)
    if "model" in metadata:
        raise LoadError(f"load_torch: {path} was written by nn.save, of {metadata['model']}; read it by nn.load")
    from_torch(model, arrays, source=str(path))


def to_torch(model: Module) -> dict[str, NDArray[Any]]:
    """The numbers of ``model`` as a ``state_dict`` of the ``torch.nn.Sequential`` of the same layers, as arrays.

    Raises:
        TypeError: ``model`` is no Module.
        ValueError: a layer has no counterpart in PyTorch.
    """
    see_that_it_is_a_module(model, "nn.to_torch(model)")
    return {
        f"{place}.{name}": _there(layer, array) for place, layer in _placed(model) for name, array in layer.state_dict().items()
    }


def from_torch(model: Module, state: Mapping[str, Any], *, source: str = "this state") -> None:
    """Give ``model`` the numbers of a ``state_dict`` of a ``torch.nn.Sequential`` of the same layers; or change nothing.

    Layers with parameters are taken in order, whatever stands between them.

    Args:
        model: what takes the numbers.
        state: arrays or tensors by name, ``{"0.weight": (n_out, n_in), "0.bias": (n_out,), …}``.
        source: where they come from, for messages.

    Raises:
        TypeError: ``model`` is no Module, or ``state`` no dict.
        LoadError: names, shapes or dtypes do not fit; all that do not are listed.
        ValueError: a layer has no counterpart in PyTorch.
    """
    see_that_it_is_a_module(model, "nn.from_torch(model, state)")
    if not isinstance(state, Mapping):
        kind = type(state).__name__
        raise TypeError(f"nn.from_torch(model, state): state is a dict of arrays, such as sequential.state_dict(); not {kind}")
    layers = [layer for _, layer in _placed(model) if layer.state_dict()]
    theirs = _by_place(state, source)
    if len(theirs) != len(layers):
        raise LoadError(f"from_torch: {source} is of {len(theirs)} layers with parameters; {model} has {len(layers)}")
    names = {layer: name for name, layer in model.named_modules()}
    arrays: dict[str, NDArray[Any]] = {}
    faults: list[str] = []
    for layer, (place, given) in zip(layers, theirs.items()):
        expected = {name: _there(layer, array).shape for name, array in layer.state_dict().items()}
        faults += [f"missing {place}.{name} for {layer}" for name in expected if name not in given]
        for name, array in given.items():
            if name not in expected:
                faults.append(f"unknown {place}.{name} for {layer}")
            elif array.shape != expected[name]:
                faults.append(f"{place}.{name} has shape {array.shape}, expected {expected[name]} for {layer}")
            else:
                array = _back(layer, array)
                known = arrays.setdefault(f"{names[layer]}.{name}".removeprefix("."), array)
                if known.tobytes() != array.tobytes():
                    faults.append(f"{place}.{name} differs from what {layer}, which stands in several places, has in another")
    if faults:
        raise LoadError(f"from_torch: {source} does not fit {model}: {'; '.join(faults)}")
    take_over(model, arrays, source)


def _placed(model: Module) -> Iterator[tuple[str, Module]]:
    """Each layer with its number in ``torch.nn.Sequential``, where an activation is a layer of its own: ``2``, or ``1.2``."""
    i = 0
    for layer in model.layers if _is_sequential(model) else [model]:
        if _is_sequential(layer):
            yield from ((f"{i}.{place}", inner) for place, inner in _placed(layer))
        elif isinstance(layer, Module):
            if layer.state_dict() and not isinstance(layer, _KNOWN):
                known = ", ".join(kind.__name__ for kind in _KNOWN)
                raise ValueError(f"{layer} has no counterpart in torch.nn that keeps its numbers; there are ones for {known}")
            yield str(i), layer
        i += 1 if isinstance(getattr(layer, "activation", None), Identity | None) else 2


def _is_sequential(layer: Any) -> TypeGuard[Sequential]:
    """Whether it does no more than call its layers in turn, unlike ``Residual``."""
    return isinstance(layer, Sequential) and type(layer).forward in (Sequential.forward, MLP.forward)


def _by_place(state: Mapping[str, Any], source: str) -> dict[str, dict[str, NDArray[Any]]]:
    """``{"0": {"weight": …, "bias": …}, "2": …}``, in the order of the layers, which a file may not keep."""
    places: dict[str, dict[str, NDArray[Any]]] = {}
    for full_name, array in state.items():
        place, _, name = str(full_name).rpartition(".")
        if not re.fullmatch(r"[0-9]{1,9}([.][0-9]{1,9})*", place):
            raise LoadError(
                f"from_torch: {source} has {full_name!r}, expected names of a torch.nn.Sequential, such as '0.weight'"
            )
        if name == _NOT_KEPT:
            continue
        try:
            places.setdefault(place, {})[name] = np.asarray(array)
        except (RuntimeError, TypeError, ValueError) as fault:  # a tensor that NumPy can't read, lists that differ in length
            raise LoadError(f"from_torch: {source} has {full_name}, which is no array: {fault}") from None
    return dict(sorted(places.items(), key=lambda item: [int(i) for i in item[0].split(".")]))


def _there(layer: Module, array: NDArray[Any]) -> NDArray[Any]:
    if isinstance(layer, Dense):
        return array.T  # (n_in, n_out) -> (n_out, n_in), and (n_out,) as it is
    if isinstance(layer, Perceptron):
        return array[np.newaxis]  # (n_in,) -> (1, n_in), and () -> (1,)
    return array


def _back(layer: Module, array: NDArray[Any]) -> NDArray[Any]:
    if isinstance(layer, Dense):
        return array.T
    if isinstance(layer, Perceptron):
        return array[0, ...]
    return array
