"""What ``nn`` offers under its own name."""

import subprocess
import sys
from types import ModuleType

import pytest

import nn


def test_all_that_is_offered_is_there_and_said_once():
    assert all(hasattr(nn, name) for name in nn.__all__)
    assert len(set(nn.__all__)) == len(nn.__all__)
    assert dir(nn) == sorted(nn.__all__)


def test_nothing_public_is_left_out():
    public = {name for name, part in vars(nn).items() if not name.startswith("_") and not isinstance(part, ModuleType)}
    assert public - set(nn.__all__) <= {"Any", "TYPE_CHECKING", "import_module"}


@pytest.mark.parametrize("name", ["data", "fit", "onnx", "save", "schedules", "tensorflow"])
def test_what_is_loaded_late_is_found_all_the_same(name):
    assert subprocess.run([sys.executable, "-c", f"import nn; nn.{name}"], check=False).returncode == 0


def test_what_is_not_there_is_told():
    with pytest.raises(AttributeError, match="module 'nn' has no attribute 'Adamm'"):
        nn.Adamm  # noqa: B018
