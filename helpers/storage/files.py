"""Where files go, and how: all or nothing, so that a reader finds the old content or the new, never half of one.

Tensors go into a safetensors file, with a checksum in its header: nothing is ever unpickled, and a damaged file is
told from a good one.
"""

import contextlib
import functools
import glob
import hashlib
import json
import os
import secrets
import tempfile
import time
from pathlib import Path

import safetensors
import safetensors.torch
import torch

ROOT = Path(__file__).resolve().parents[2]  # the project's folder
FORMAT, VERSION = "inkdrop", 2  # raise the version when what a file of tensors holds changes
HOUR = 3600  # seconds; no file here takes that long to write


class FileError(ValueError):
    """A file of tensors cannot be written, read or used here. The message names the file and says what to do."""


def cache() -> Path:
    """The folder for what can be made again: INKDROP_CACHE, or else .cache in the project; made if need be.

    Where it cannot be written, one among the temporary files stands in, and a line says so once. Never raises: if
    there is no room for temporary files either, whoever writes to the folder finds out.
    """
    folder = Path(os.environ.get("INKDROP_CACHE") or ROOT / ".cache")
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

    Raises OSError if it cannot be written; then the old file is as it was, and no half of a new one is left. Only a
    writer that is killed leaves its temporary file behind: the next one that comes by an hour later removes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{glob.escape(path.name)}.????????.tmp"):
        with contextlib.suppress(OSError):  # a writer at work finished just now, or it is not ours to remove
            if time.time() - left.stat().st_mtime > HOUR:
                left.unlink()
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)  # missing if it was stopped just after the replacing
        raise


def save_tensors(path: Path, tensors: dict[str, torch.Tensor], info: dict) -> None:
    """Write named tensors and a JSON-able dict to one file, all or nothing.

    Raises FileError if it cannot be written, TypeError if `info` is not JSON-able.
    """
    tensors = {name: x.detach().cpu().contiguous() for name, x in tensors.items()}
    text = json.dumps(info)
    header = {"format": FORMAT, "version": str(VERSION), "info": text, "sha256": _digest(tensors, text)}
    content = safetensors.torch.save(tensors, metadata=header)
    try:
        replace(path, content)
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written ({error}). What stood there before is untouched, and the weights are still in "
            "memory. Make room, or name a file elsewhere"
        ) from error


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """(tensors, info) as `save_tensors` got them, on the CPU.

    Raises FileError if the file is missing, truncated, damaged, of another kind or of another version.
    """
    if not os.path.isfile(path):  # opening a pipe would wait for ever
        raise FileError(f"{path}: no such file, or not a plain one. Check the path")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            # Copies, since get_tensor maps the file: whoever wrote over it later would change the weights in memory.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a dict)
        intact = header.get("sha256") == _digest(tensors, header.get("info", ""))
        info = json.loads(header.get("info", "{}"))
    except Exception as error:  # damaged, and then readers raise almost anything
        raise FileError(f"{path}: truncated, damaged or not a safetensors file ({error}). Delete it") from error
    if header.get("format") != FORMAT or header.get("version") != str(VERSION):
        found = f"{header.get('format', 'another program')} {header.get('version', '')}".strip()
        raise FileError(f"{path}: was written by {found}, and only {FORMAT} {VERSION} can be read. Name another file")
    if not intact:
        raise FileError(f"{path}: damaged, its contents do not match its checksum. Delete it")
    return tensors, info


def _digest(tensors: dict[str, torch.Tensor], text: str) -> str:
    """The SHA-256 of a file's contents: the format itself has no checksum."""
    content = hashlib.sha256(text.encode())
    for name, x in sorted(tensors.items()):
        content.update(f"{name} {x.dtype} {tuple(x.shape)}".encode())
        content.update(x.reshape(-1).view(torch.uint8).numpy())  # its bytes; NumPy lacks some kinds of number
    return content.hexdigest()
