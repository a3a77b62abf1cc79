"""A file is written whole or not at all, whatever happens meanwhile."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nn import atomic
from nn.atomic import write_atomically

LINES = [line for *_, line in write_atomically.__code__.co_lines() if line]
OLD, NEW = b"old" * 1000, b"new" * 2000

needs_posix = pytest.mark.skipif(os.name != "posix", reason="permissions, links and fork are POSIX's")


@pytest.fixture
def path(tmp_path):
    (tmp_path / "file").write_bytes(OLD)
    return tmp_path / "file"


def test_a_new_file_is_written(tmp_path):
    write_atomically(tmp_path / "file", NEW)
    assert (tmp_path / "file").read_bytes() == NEW
    assert os.listdir(tmp_path) == ["file"]


def test_a_name_without_a_folder_is_one_in_this_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomically("file", NEW)
    assert (tmp_path / "file").read_bytes() == NEW


def test_an_old_file_is_replaced(path):
    write_atomically(str(path), NEW)
    assert path.read_bytes() == NEW
    assert os.listdir(path.parent) == ["file"]


# A child process ends without ado before each line of write_atomically in turn. It loads the module by itself, since a process
# with the threads of a linear algebra library should not fork.
CRASHES = """
import importlib.util, os, sys
source, path, *lines = sys.argv[1:]
spec = importlib.util.spec_from_file_location("atomic", source)
atomic = importlib.util.module_from_spec(spec)
spec.loader.exec_module(atomic)
code = atomic.write_atomically.__code__

def crash_at(line):
    def trace(frame, event, _):
        if frame.f_code is code and event == "line" and frame.f_lineno == line:
            os._exit(9)
        return trace
    return trace

for line in map(int, lines):
    with open(path, "wb") as file:
        file.write(b"old" * 1000)
    child = os.fork()
    if not child:
        sys.settrace(crash_at(line))
        atomic.write_atomically(path, b"new" * 2000)
        os._exit(0)
    crashed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with open(path, "rb") as file:
        contents = file.read()
    print(line, crashed, {b"old" * 1000: "old", b"new" * 2000: "new"}.get(contents, "broken"))
"""


def crashes(source, path):
    lines = [str(line) for line in sorted(set(LINES)) if line > write_atomically.__code__.co_firstlineno]
    run = subprocess.run(
        [sys.executable, "-c", CRASHES, str(source), str(path), *lines], capture_output=True, text=True, check=True
    )
    return [row.split() for row in run.stdout.splitlines()]


@needs_posix
def test_a_crash_at_any_line_leaves_the_old_file_or_the_new_one(path):
    seen = crashes(atomic.__file__, path)
    assert {contents for _, crashed, contents in seen if crashed == "True"} == {"old", "new"}
    assert [contents for *_, contents in seen] == sorted((contents for *_, contents in seen), reverse=True)  # never back to old


@needs_posix
def test_the_crashes_show_a_file_written_in_place(path, tmp_path):
    wrong = Path(atomic.__file__).read_text().replace('open(unfinished, "xb")', 'open(path, "wb")')
    (tmp_path / "wrong.py").write_text(wrong)
    assert "broken" in {contents for *_, contents in crashes(tmp_path / "wrong.py", path)}


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_what_the_disk_refuses_is_raised_and_leaves_the_old_file_alone(path, monkeypatch, name):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, refuse)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, NEW)
    assert path.read_bytes() == OLD
    assert os.listdir(path.parent) == ["file"]


def test_bytes_are_on_the_disk_before_they_take_the_name_and_the_name_before_it_returns(path, monkeypatch):
    calls, written = [], []
    for name in ("fsync", "replace"):
        true = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, true=true: (calls.append(name), true(*args)))
    monkeypatch.setattr(os, "fsync", lambda file, fsync=os.fsync: (written.append(os.fstat(file).st_size), fsync(file)))
    write_atomically(path, b"few")
    assert calls == (["fsync", "replace", "fsync"] if os.name == "posix" else ["fsync", "replace"])
    assert written[0] == len(b"few")


@needs_posix
def test_permissions_are_kept_and_links_followed(path, tmp_path):
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path)
    write_atomically(tmp_path / "link", NEW)
    assert path.read_bytes() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (tmp_path / "link").is_symlink()


@needs_posix
def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    write_atomically(tmp_path / "file", NEW)
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_folder_in_the_way_and_a_missing_folder_are_told(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomically(tmp_path / "folder", NEW)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere; make it first"):
        write_atomically(tmp_path / "nowhere" / "file", NEW)
    assert os.listdir(tmp_path) == ["folder"]
