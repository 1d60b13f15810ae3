"""Where files go, and how: all or nothing, so that a reader finds the old content or the new, never half of one."""

import os
import tempfile
from pathlib import Path

import platformdirs


def cache() -> Path:
    """The folder for what can be made again: INKDROP_CACHE, or else the user's own cache folder. It may not exist."""
    return Path(os.environ.get("INKDROP_CACHE") or platformdirs.user_cache_dir("inkdrop"))


def replace(path: Path, content: bytes) -> None:
    """Put content at path, whose folder is made if need be. What was there stays until all of it is on the disk.

    Raises OSError if it cannot be written; then nothing has changed and nothing is left over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
