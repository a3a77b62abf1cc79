"""A model's numbers in a file: ``.npz``, which NumPy reads, or ``.safetensors``, which most frameworks do. Nothing is pickled.

>>> import nn, pathlib, tempfile
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> model, other = nn.MLP(2, [3, 1], rng=0), nn.MLP(2, [3, 1], rng=1)
>>> nn.save(model, folder / "model.npz")
>>> nn.load(other, folder / "model.npz")
>>> other([1, 2]).data == model([1, 2]).data
True

What is written says which model it came from, and carries a checksum, so that a damaged file is seen. Files of PyTorch have
other names and shapes: see ``nn.load_torch``.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .atomic import write_atomically
from .module import Module

StrPath: TypeAlias = str | os.PathLike[str]
Arrays: TypeAlias = Mapping[str, NDArray[Any]]

_FORMAT = "1"  # of what this file writes; a reader refuses any other
_METADATA = "__metadata__"  # where both kinds of file keep it
_MARK = "stepgrad"  # the metadata's own entry: the format and a checksum


class LoadError(ValueError):
    """What was to be loaded is of another model or another kind, or damaged. Nothing was changed."""


def save(model: Module, path: StrPath) -> None:
    """Write the numbers of ``model`` to a file, whole or not at all, in full precision.

    Args:
        model: its ``state_dict`` is what is written.
        path: ends in ``.npz`` or ``.safetensors``.

    Raises:
        TypeError: ``model`` is no Module.
        ValueError: ``path`` ends otherwise.
        ImportError: for ``.safetensors``, if the extra ``[safetensors]`` is not installed.
        OSError: the file can't be written; an old one is still there.
    """
    see_that_it_is_a_module(model, "nn.save(model, path)")
    write_arrays(path, model.state_dict(), {"model": repr(model)})


def load(model: Module, path: StrPath) -> None:
    """Give ``model`` the numbers that ``save`` wrote. They arrive as they were, bit for bit, or nothing is changed.

    float32 goes into a float64 model, which holds it exactly, but not float64 into a float32 one.

    Args:
        model: what takes them, of the same layers as the one that was saved.
        path: ends in ``.npz`` or ``.safetensors``.

    Raises:
        TypeError: ``model`` is no Module.
        LoadError: the file is not by ``save``, is damaged, or its names, shapes or dtypes are not those of ``model``.
        ImportError: for ``.safetensors``, if the extra ``[safetensors]`` is not installed.
        OSError: the file can't be read.
    """
    see_that_it_is_a_module(model, "nn.load(model, path)")
    arrays, metadata = read_arrays(path)
    if "model" not in metadata:
        raise LoadError(
            f"load: {path} was not written by nn.save; for a file of PyTorch use nn.load_torch, for a checkpoint "
            "nn.fit(…, resume=path), for arrays of your own model.load_state_dict"
        )
    take_over(model, arrays, f"{path}, of {metadata['model']}")


def see_that_it_is_a_module(model: Any, call: str) -> None:
    """TypeError if ``model``, in ``call``, is something else, such as the path."""
    if not isinstance(model, Module):
        raise TypeError(f"{call}: model is a Module, such as nn.MLP(2, [16, 1]); not {type(model).__name__}")


def take_over(model: Module, arrays: Arrays, source: str) -> None:
    """``model.load_state_dict(arrays)``, if no number is rounded by it.

    Raises:
        LoadError: names, shapes or dtypes are not those of ``model``; ``source`` says where the arrays come from.
    """
    own = model.state_dict()
    faults = [
        f"{name} holds {array.dtype}, which {own[name].dtype} can't hold exactly"
        for name, array in arrays.items()
        if name in own and (array.dtype.kind != own[name].dtype.kind or not np.can_cast(array.dtype, own[name].dtype))
    ]
    if faults:
        raise LoadError(
            f"load: {source}: {'; '.join(faults)}. Load float64 into a float64 model, and round that: model.astype('float32')"
        )
    try:
        model.load_state_dict(arrays)
    except ValueError as misfit:
        raise LoadError(f"load: {source}: {misfit}") from None


class Contents(NamedTuple):
    """What is in a file: arrays by name, and what was written about them (nothing, if stepgrad did not write it)."""

    arrays: dict[str, NDArray[Any]]
    metadata: dict[str, str]


def write_arrays(path: StrPath, arrays: Arrays, metadata: Mapping[str, str]) -> None:
    """Write arrays of numbers and a few words about them, whole or not at all. The suffix of ``path`` says how.

    Raises:
        ValueError: the suffix is unknown, or a name can't be printed, and so not written.
    """
    write = way(path).write
    if odd := [name for name in arrays if not name.isprintable()]:
        raise ValueError(f"save: the names {odd} have characters that can't be printed; files would lose them")
    arrays = {name: np.asarray(array, array.dtype.newbyteorder("<"), order="C") for name, array in arrays.items()}
    mark = f"{_FORMAT} {_checksum(arrays, metadata)}"
    write_atomically(path, write(arrays, {**metadata, _MARK: mark}))


def read_arrays(path: StrPath) -> Contents:
    """What ``write_arrays`` wrote, or the arrays of another's file. The room it takes goes by the file's size, not its claims.

    Raises:
        LoadError: it is no such file, or damaged.
        OSError: the file can't be read.
    """
    if Path(path).suffix in {".pt", ".pth", ".pkl", ".bin"}:
        raise LoadError(
            f"load: {path} is a pickle, which can run any code when it is read; in PyTorch, write "
            "safetensors.torch.save_file(model.state_dict(), 'model.safetensors') instead"
        )
    try:
        read = way(path).read
    except ValueError as unknown:
        raise LoadError(f"load: {unknown}") from None
    data = Path(path).read_bytes()
    try:
        return _checked(read(data))
    except ImportError:
        raise
    except Exception as fault:  # whatever a parser makes of bytes that are not what they say
        why = str(fault) or type(fault).__name__
        raise LoadError(f"load: {path} is damaged, or no {Path(path).suffix} file: {why}") from fault


def _checked(contents: Contents) -> Contents:
    arrays, metadata = contents
    if _MARK not in metadata:
        return Contents(arrays, {})
    version, _, checksum = metadata.pop(_MARK).partition(" ")
    if version != _FORMAT:
        raise ValueError(f"it is of stepgrad's format {version}, and this stepgrad reads format {_FORMAT}")
    if checksum != _checksum(arrays, metadata):
        raise ValueError("its checksum is not that of its contents")
    return contents


def _checksum(arrays: Arrays, metadata: Mapping[str, str]) -> str:
    sha = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        sha.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


# -- .npz: a zip of .npy files -------------------------------------------------------------------------------------------------


def _write_npz(arrays: Arrays, metadata: Mapping[str, str]) -> bytes:
    """As ``np.savez`` does, for any names, and the same bytes each time."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in {**arrays, _METADATA: np.array(json.dumps(metadata))}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return file.getvalue()


def _read_npz(data: bytes) -> Contents:
    """As ``np.load`` does, with what the file claims checked before any room is set aside."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its arrays are compressed; write them by np.savez")
        if sum(member.file_size for member in members) > len(data):
            raise ValueError("it claims to hold more than its size")
        arrays = {member.filename.removesuffix(".npy"): _read_npy(archive.read(member)) for member in members}
    if len(arrays) < len(members):
        raise ValueError("two of its arrays have the same name")
    metadata = json.loads(arrays.pop(_METADATA, np.array("{}")).item())
    return Contents(arrays, dict(metadata))


def _read_npy(data: bytes) -> NDArray[Any]:
    file = BytesIO(data)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never read")
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape, order="F" if fortran_order else "C")


# -- .safetensors --------------------------------------------------------------------------------------------------------------


def _write_safetensors(arrays: Arrays, metadata: Mapping[str, str]) -> bytes:
    data: bytes = _safetensors().save(dict(arrays), dict(metadata))
    return data


def _read_safetensors(data: bytes) -> Contents:
    try:
        arrays = _safetensors().load(data)
    except KeyError as dtype:
        raise ValueError(f"its numbers are {dtype.args[0]}, which NumPy has not; write float32 or float64") from None
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return Contents(arrays, dict(header.get(_METADATA, {})))


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as missing:
        raise ImportError(
            f'a .safetensors file needs the package {missing.name}: pip install "stepgrad[safetensors]"; or use .npz, which '
            "needs nothing"
        ) from None
    return safetensors.numpy


class Way(NamedTuple):
    """How arrays become the bytes of a file, and bytes arrays."""

    write: Callable[[Arrays, Mapping[str, str]], bytes]
    read: Callable[[bytes], Contents]


_WAYS = {".npz": Way(_write_npz, _read_npz), ".safetensors": Way(_write_safetensors, _read_safetensors)}


def way(path: StrPath) -> Way:
    """How the file at ``path`` is written and read; ValueError if its suffix does not say."""
    suffix = Path(path).suffix
    if suffix not in _WAYS:
        raise ValueError(f"a model's file ends in {' or '.join(_WAYS)}, not {suffix or 'nothing'!r}: {path}")
    return _WAYS[suffix]
