"""Where files go, and how: all or nothing, so that a reader finds the old content or the new, never half of one."""

import contextlib
import functools
import glob
import os
import tempfile
import time
from pathlib import Path

import platformdirs

HOUR = 3600  # seconds; no file here takes that long to write


def cache() -> Path:
    """The folder for what can be made again: INKDROP_CACHE, or else the user's own cache folder; made if need be.

    Where it cannot be written, as without a home, one among the temporary files stands in, and a line says so once.
    Never raises: if there is no room for temporary files either, whoever writes to the folder finds out.
    """
    folder = Path(os.environ.get("INKDROP_CACHE") or platformdirs.user_cache_dir("inkdrop"))
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: nobody knows where home is
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    with contextlib.suppress(OSError):
        return _stand_in(folder)
    return folder


@functools.cache  # so that it is said once
def _stand_in(folder: Path) -> Path:
    """A folder of one's own among the temporary files, the same every time, so that one notebook finds another's."""
    me = getattr(os, "getuid", int)()  # on Windows 0 for all, as st_uid is: temporary files lie in one's own home there
    other = Path(tempfile.gettempdir()) / f"inkdrop-{me}"
    with contextlib.suppress(FileExistsError):
        other.mkdir(mode=0o700)
    if not other.is_dir() or other.lstat().st_uid != me:  # somebody else was here first: do not trust what lies there
        other = Path(tempfile.mkdtemp(prefix="inkdrop-"))
    print(f"{folder} cannot be written, so {other} keeps what is made. Set INKDROP_CACHE to choose another folder.")
    return other


def replace(path: Path, content: bytes) -> None:
    """Put content at path, whose folder is made if need be. What was there stays until all of it is on the disk.

    Raises OSError if it cannot be written; then nothing has changed and nothing is left over. Only a writer that is
    killed leaves its temporary file behind: the next one that comes by an hour later removes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{glob.escape(path.name)}.????????.tmp"):
        with contextlib.suppress(OSError):  # a writer at work finished just now, or it is not ours to remove
            if time.time() - left.stat().st_mtime > HOUR:
                left.unlink()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)  # missing if it was stopped just after the replacing
        raise
