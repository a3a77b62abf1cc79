"""Writing a file whole or not at all."""

import os
import secrets
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], contents: bytes) -> None:
    """Make ``contents`` the contents of the file at ``path``, so that a crash at any moment leaves the old file or the new one.

    The bytes go to a new file in the same folder and from there to the disk; only then does that file take the name. A link is
    followed, and permissions are kept. What a killed process may leave behind is ``.<name>.<random>.tmp``; it can be deleted.

    Raises:
        FileNotFoundError: the folder does not exist.
        OSError: the file can't be written; the old one is still there.

    Source: Pillai et al., *All File Systems Are Not Created Equal* (2014).
    """
    path = Path(os.path.realpath(path))
    see_that_there_is_a_folder(path)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(unfinished, "xb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            unfinished.chmod(path.stat().st_mode)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere a folder can't be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def see_that_there_is_a_folder(path: str | os.PathLike[str]) -> None:
    """FileNotFoundError if ``path`` is in a folder that does not exist."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; make it first")
