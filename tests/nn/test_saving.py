"""Models in files: what is saved comes back, PyTorch's files and ours are each other's, and no wrong file does harm."""

import io
import json
import pickle
import random
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from nn import saving
from nn.saving import read_arrays, write_arrays

SUFFIXES = [".npz", ".safetensors"]


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"model{request.param}"


def mlp(seed, kind=Value):
    return nn.MLP(2, [3, 1], rng=seed, kind=kind)


def bits(model):
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in model.state_dict().items()}


def refused(model, path, match, load=nn.load):
    before = bits(model)
    with pytest.raises(nn.LoadError, match=match):
        load(model, path)
    assert bits(model) == before


# -- what is saved comes back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [(Value, Value), (Value, Tensor), (Tensor, Value), (Tensor, Tensor)])
def test_a_model_comes_back_bit_for_bit_whatever_it_is_made_of(path, kinds):
    model, other = mlp(0, kinds[0]), mlp(1, kinds[1])
    nn.save(model, path)
    nn.load(other, str(path))
    assert bits(other) == bits(model)


def test_every_float_comes_back(path):
    odd = [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7976931348623157e308]
    model, other = nn.Dense(2, 3, kind=Tensor), nn.Dense(2, 3, kind=Tensor)
    model.load_state_dict({"weight": np.array(odd).reshape(2, 3), "bias": np.zeros(3)})
    nn.save(model, path)
    nn.load(other, path)
    assert bits(other) == bits(model)


def test_float32_stays_and_goes_into_float64_exactly_but_not_the_other_way(path):
    narrow, wide = mlp(0, Tensor).astype("float32"), mlp(1, Tensor)
    nn.save(narrow, path)
    nn.load(wide, path)
    assert all((array == narrow.state_dict()[name]).all() for name, array in wide.state_dict().items())
    same = mlp(2, Tensor).astype("float32")
    nn.load(same, path)
    assert bits(same) == bits(narrow)

    nn.save(wide, path)
    refused(narrow, path, "layers.0.weight holds float64, which float32 can't hold exactly.*astype")


def test_what_is_not_trained_is_saved_too(path):
    def module():
        module = nn.Module()
        module.weight = Tensor(np.ones(2))
        module.running_mean = Tensor(np.zeros(2), requires_grad=False)
        return module

    model, other = module(), module()
    model.running_mean.data = np.array([1.0, 2.0])
    nn.save(model, path)
    nn.load(other, path)
    assert other.running_mean.data.tolist() == [1.0, 2.0]


def test_parameters_may_have_any_name(path):
    def model():
        module = nn.Module()
        module.file, module.allow_pickle = Tensor([1.0]), Tensor([2.0])
        module.table = {"ä/b": Tensor([3.0]), "../c": Tensor([4.0])}
        return module

    nn.save(model(), path)
    other = model()
    for parameter in other.parameters():
        parameter.data = np.zeros(1)
    nn.load(other, path)
    assert bits(other) == bits(model())


def test_a_save_in_npz_is_what_numpy_reads_and_the_same_each_time(tmp_path):
    nn.save(mlp(0), tmp_path / "a.npz")
    nn.save(mlp(0), tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as file:
        assert {member.date_time for member in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(tmp_path / "a.npz") as file:
        assert json.loads(str(file["__metadata__"]))["model"] == "MLP(2, [3, 1], 'relu')"
        for name, array in mlp(0).state_dict().items():
            np.testing.assert_array_equal(file[name], array)


def test_a_save_in_safetensors_is_what_its_library_reads(tmp_path):
    safetensors = pytest.importorskip("safetensors")
    nn.save(mlp(0), tmp_path / "a.safetensors")
    with safetensors.safe_open(tmp_path / "a.safetensors", framework="numpy") as file:
        assert file.metadata()["model"] == "MLP(2, [3, 1], 'relu')"
        assert set(file.keys()) == set(mlp(0).state_dict())
        for name, array in mlp(0).state_dict().items():
            np.testing.assert_array_equal(file.get_tensor(name), array)


def test_arrays_of_any_layout_and_kind_come_back(path):
    arrays = {
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "strided": np.arange(10, dtype=np.int64)[::3],
        "single": np.array(7, dtype=np.uint8),
        "big-endian": np.arange(3, dtype=">f4"),
        "none": np.zeros((0, 3), dtype=np.float32),
    }
    write_arrays(path, arrays, {"a": "b"})
    read, metadata = read_arrays(path)
    assert metadata == {"a": "b"}
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype.newbyteorder("<")
        np.testing.assert_array_equal(read[name], array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_arrays_that_numpy_wrote_are_read(tmp_path, version):
    arrays = {"fortran": np.ones((2, 3), order="F"), "single": np.array(2.0), "big-endian": np.ones(2, ">f8")}
    arrays["fortran"][0, 1] = 5.0
    members = [(f"{name}.npy", npy(array, version=version)) for name, array in arrays.items()]
    (tmp_path / "model.npz").write_bytes(npz(members))
    read, metadata = read_arrays(tmp_path / "model.npz")
    assert metadata == {}
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)


def test_objects_are_never_written(tmp_path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_arrays(tmp_path / "model.npz", {"weight": np.array([None])}, {})
    assert not (tmp_path / "model.npz").exists()


def test_saving_again_replaces_the_file_and_failing_leaves_it(path, monkeypatch):
    nn.save(mlp(0), path)
    nn.save(mlp(1), path)
    other = mlp(2)
    nn.load(other, path)
    assert bits(other) == bits(mlp(1))

    monkeypatch.setattr(saving, "write_atomically", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        nn.save(mlp(0), path)
    nn.load(other, path)
    assert bits(other) == bits(mlp(1))


def test_without_the_extra_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r'pip install "stepgrad\[safetensors\]"; or use .npz'):
        nn.save(mlp(0), tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"")
    with pytest.raises(ImportError, match=r"stepgrad\[safetensors\]"):
        nn.load(mlp(0), tmp_path / "b.safetensors")


@pytest.mark.parametrize("call", [nn.save, nn.load, nn.save_torch, nn.load_torch, nn.from_torch])
@pytest.mark.parametrize("what", [[1], {"weight": np.ones(1)}, nn.MLP, "model.npz"])
def test_what_is_no_model_is_refused_and_arguments_the_wrong_way_round_are_seen(call, what):
    with pytest.raises(TypeError, match=rf"model is a Module, such as .*; not {type(what).__name__}"):
        call(what, mlp(0))


def test_a_name_that_a_file_would_lose_is_refused_before_anything_is_written(path):
    model = nn.Module()
    for name in ("a\0b", "a\nb", "\ud800"):
        model.table = {name: Tensor([1.0])}
        with pytest.raises(ValueError, match="have characters that can't be printed"):
            nn.save(model, path)
    assert not path.exists()


# -- wrong files -------------------------------------------------------------------------------------------------------------


def test_a_file_of_another_model_is_refused_with_both_names_and_every_fault(path):
    nn.save(mlp(0), path)
    refused(
        nn.MLP(2, [4], rng=0), path,
        r"of MLP\(2, \[3, 1\], 'relu'\).* not of MLP\(2, \[4\], 'relu'\): .*layers.0.bias has shape \(3,\), expected \(4,\); "
        r".*layers.0.weight.*unknown layers.1.bias; unknown layers.1.weight",
    )  # fmt: skip


def test_suffixes_other_than_the_two_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"ends in .npz or .safetensors, not '.txt'"):
        nn.save(mlp(0), tmp_path / "model.txt")
    refused(mlp(0), tmp_path / "model.h5", "ends in .npz or .safetensors, not '.h5'")
    refused(mlp(0), tmp_path / "model", "ends in .npz or .safetensors, not 'nothing'")
    refused(mlp(0), tmp_path / "model.pt", r"is a pickle, .*safetensors.torch.save_file")


def test_what_the_system_refuses_is_its_own_error(path):
    with pytest.raises(FileNotFoundError):
        nn.load(mlp(0), path)
    path.mkdir()
    with pytest.raises(OSError, match="model"):
        nn.load(mlp(0), path)


class Armed:
    """A pickle of it runs code when read; here, one that fails the test."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was read",)


def npy(array=None, header=None, data=b"", version=None):
    file = io.BytesIO()
    if header:
        head = repr(header).encode() + b"\n"
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data)
    else:
        np.lib.format.write_array(file, np.asarray(array), version)
    return file.getvalue()


def npz(members, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, contents in members:
            archive.writestr(name, contents)
    return file.getvalue()


def nested(n):
    """A zip of ``n`` arrays each of which holds all that come after it, so that together they are far larger than the file."""
    local, members = bytes(50_000), []
    for i in range(n):
        array = npy(header={"descr": "|u1", "fortran_order": False, "shape": (len(local),)}, data=local)
        facts = struct.pack("<5H3L2H", 20, 0, 0, 0, 0, zlib.crc32(array), len(array), len(array), 5, 0)
        local = b"PK\3\4" + facts + b"%05d" % i + array
        members.append((facts, i, len(local)))
    central = b"".join(
        b"PK\1\2\24\0" + facts + struct.pack("<3H2L", 0, 0, 0, 0, len(local) - end) + b"%05d" % i for facts, i, end in members
    )
    return local + central + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, n, n, len(central), len(local), 0)


def tensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def huge(shape):
    return {"descr": "<f8", "fortran_order": False, "shape": shape}


def f64(shape, begin, end):
    return {"dtype": "F64", "shape": shape, "data_offsets": [begin, end]}


HOSTILE_NPZ = {
    "empty": b"",
    "random": random.Random(0).randbytes(5000),
    "a pickle": pickle.dumps(Armed()),
    "no .npy in the zip": npz([("weight", b"hello")]),
    "a name with ../": npz([("../../weight.npy", npy([1.0])), ("/etc/bias.npy", npy([1.0]))]),
    "10^18 numbers": npz([("weight.npy", npy(header=huge((10**18,))))]),
    "10^40 numbers": npz([("weight.npy", npy(header=huge((10**20, 10**20))))]),
    "less than none": npz([("weight.npy", npy(header=huge((-4,)), data=bytes(64)))]),
    "a pickled object": npz([("weight.npy", npy(header={**huge((1,)), "descr": "|O"}, data=pickle.dumps(Armed())))]),
    "a bomb": npz([("weight.npy", npy(np.zeros(10**6)))], zipfile.ZIP_DEFLATED),
    "arrays in arrays": nested(400),
    "a header of nested brackets": npz([("weight.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000)]),
    "metadata of another kind": npz([("__metadata__.npy", npy(["[1]"])), ("weight.npy", npy([1.0]))]),
    "deep metadata": npz([("__metadata__.npy", npy("[" * 10**5))]),
}
HOSTILE_SAFETENSORS = {
    "empty": b"",
    "random": random.Random(0).randbytes(5000),
    "a header of 8 EB": struct.pack("<Q", 2**63) + b"{}",
    "a header longer than the file": struct.pack("<Q", 1000) + b"{}",
    "a header that is no JSON": tensors(b"{'weight'"),
    "a header that is a list": tensors([]),
    "10^18 numbers": tensors({"weight": f64([10**18], 0, 8 * 10**18)}),
    "2^64 numbers": tensors({"weight": f64([2**32, 2**32], 0, 0)}),
    "overlapping offsets": tensors({"weight": f64([2], 0, 16), "bias": f64([2], 8, 24)}, bytes(24)),
    "offsets beyond the end": tensors({"weight": f64([2], 0, 16)}, bytes(8)),
    "offsets in reverse": tensors({"weight": f64([2], 16, 0)}, bytes(16)),
    "bytes that belong to nothing": tensors({"weight": f64([1], 0, 8)}, bytes(16)),
    "an unknown dtype": tensors({"weight": {"dtype": "O", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
    "bfloat16": tensors({"weight": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, bytes(2)),
    "one name twice": tensors(
        b'{"weight":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},'
        b'"weight":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}}', bytes(16),
    ),
    "deep JSON": tensors(b"[" * 10**5),
}  # fmt: skip
HOSTILE = [
    pytest.param(suffix, data, id=f"{suffix}: {name}")
    for suffix, files in ((".npz", HOSTILE_NPZ), (".safetensors", HOSTILE_SAFETENSORS))
    for name, data in files.items()
]


@pytest.mark.parametrize("load", [nn.load, nn.load_torch])
@pytest.mark.parametrize(("suffix", "data"), HOSTILE)
def test_hostile_files_raise_the_one_error_and_take_little_room(tmp_path, suffix, data, load):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors.numpy")
    (tmp_path / f"model{suffix}").write_bytes(data)
    tracemalloc.start()
    refused(nn.Dense(1, 1), tmp_path / f"model{suffix}", "model", load)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3e6 + 10 * len(data)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (HOSTILE_NPZ["a bomb"], "its arrays are compressed; write them by np.savez"),
        (HOSTILE_NPZ["arrays in arrays"], "it claims to hold more than its size"),
        (HOSTILE_NPZ["a pickled object"], "it holds pickled objects, which are never read"),
        (HOSTILE_SAFETENSORS["bfloat16"], "its numbers are BF16, which NumPy has not; write float32 or float64"),
        (npz([("__metadata__.npy", npy('{"model": "Dense(1, 1)"}')), ("weight.npy", npy([[1.0]])), ("bias.npy", npy([1.0]))]),
         "was not written by nn.save"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told(tmp_path, data, match):
    path = tmp_path / ("model.npz" if data[:2] == b"PK" else "model.safetensors")
    if path.suffix == ".safetensors":
        pytest.importorskip("safetensors")
    path.write_bytes(data)
    refused(nn.Dense(1, 1), path, match)


@pytest.mark.parametrize(
    ("old", "new"), [(b"a word", b"a lord"), (b'"shape":[2,3]', b'"shape":[3,2]'), (b'"first":', b'"third":'), (b"F64", b"I64")]
)
def test_the_checksum_is_of_names_shapes_dtypes_and_words_too(tmp_path, old, new):
    pytest.importorskip("safetensors")
    path = tmp_path / "model.safetensors"
    write_arrays(path, {"first": np.zeros((2, 3))}, {"about": "a word"})
    whole = path.read_bytes()
    assert whole.count(old) == 1
    path.write_bytes(whole.replace(old, new))
    with pytest.raises(nn.LoadError, match="its checksum is not that of its contents"):
        read_arrays(path)


def test_a_zip_with_two_arrays_of_one_name_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        same = npz([("weight.npy", npy([1.0])), ("weight.npy", npy([2.0]))])
    for data in (same, npz([("weight.npy", npy([1.0])), ("weight", npy([2.0]))])):
        (tmp_path / "model.npz").write_bytes(data)
        refused(mlp(0), tmp_path / "model.npz", "two of its arrays have the same name")


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex128", "float16", "U3"])
def test_numbers_of_another_kind_are_refused_and_those_that_fit_exactly_are_not(tmp_path, dtype):
    model = nn.Dense(1, 1, rng=0)
    arrays = {"weight": np.ones((1, 1), dtype), "bias": np.zeros(1)}
    write_arrays(tmp_path / "model.npz", arrays, {"model": "Dense(1, 1)"})
    if dtype == "float16":
        nn.load(model, tmp_path / "model.npz")
        assert model.weight[0, 0].data == 1.0
    else:
        refused(model, tmp_path / "model.npz", f"weight holds {np.dtype(dtype)}")


def test_a_fault_without_words_is_told_by_its_name(path, monkeypatch):
    nn.save(mlp(0), path)
    monkeypatch.setattr(saving, "_checked", lambda _: (_ for _ in ()).throw(MemoryError))
    refused(mlp(0), path, "damaged, or no .* file: MemoryError")


def test_a_file_of_a_later_format_is_refused_by_name(path, monkeypatch):
    monkeypatch.setattr(saving, "_FORMAT", "2")
    nn.save(mlp(0), path)
    monkeypatch.undo()
    refused(mlp(0), path, "stepgrad's format 2, and this stepgrad reads format 1")


def damaged(data):
    """Cut off after every third byte; with one byte changed, 300 times."""
    draw = random.Random(0)
    yield from (data[:n] for n in range(0, len(data), 3))
    for _ in range(300):
        i = draw.randrange(len(data))
        yield data[:i] + bytes([data[i] ^ draw.randrange(1, 256)]) + data[i + 1 :]


def harm(path):
    """How many of the damaged files of a model were read as another model."""
    model, before, want = (
        nn.Dense(1, 2, rng=1, kind=Tensor),
        nn.Dense(1, 2, rng=1, kind=Tensor),
        nn.Dense(1, 2, rng=0, kind=Tensor),
    )
    nn.save(want, path)
    wrong = 0
    for data in damaged(path.read_bytes()):
        path.write_bytes(data)
        model.load_state_dict(before.state_dict())
        try:
            nn.load(model, path)
        except nn.LoadError:
            assert bits(model) == bits(before)
        else:
            wrong += bits(model) != bits(want)
    return wrong


def test_a_damaged_file_is_seen_or_gives_the_very_numbers(path):
    assert harm(path) == 0


def test_it_is_the_checksum_that_sees_the_damage(tmp_path, monkeypatch):
    pytest.importorskip("safetensors")
    monkeypatch.setattr(saving, "_checksum", lambda *_: "0")
    assert harm(tmp_path / "model.safetensors") > 0
