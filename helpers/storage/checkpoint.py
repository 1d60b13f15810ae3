"""Checkpoints: named tensors and some facts in one safetensors file, replaced all at once or not at all.

Nothing is ever unpickled, and a checksum in the header tells a damaged file from a good one.
"""

import hashlib
import json
import os
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from helpers.storage import files

FORMAT, VERSION = "inkdrop-checkpoint", 1  # raise the version when what a checkpoint holds changes


class CheckpointError(ValueError):
    """A checkpoint cannot be written, read or used here. The message names the file and says what to do."""


def save(path: str | Path, tensors: dict[str, torch.Tensor], info: dict):
    """Write named tensors and a JSON-able dict to one file, all or nothing: what was there stays until the new one is
    whole and on the disk. Raises CheckpointError if it cannot be written.
    """
    path = Path(path)
    tensors = {name: x.detach().cpu().contiguous() for name, x in tensors.items()}
    text = json.dumps(info)
    header = {"format": FORMAT, "version": str(VERSION), "info": text, "sha256": digest(tensors, text)}
    content = safetensors.torch.save(tensors, metadata=header)
    try:
        files.replace(path, content)
    except OSError as error:
        raise CheckpointError(
            f"{path}: the checkpoint cannot be written ({error}). What stood there before is untouched, and the "
            "weights are still in memory. Make room, or name a file elsewhere"
        ) from error


def load(path: str | Path) -> tuple[dict[str, torch.Tensor], dict]:
    """(tensors, info) as `save` got them, on the CPU. Nothing is unpickled.

    Raises CheckpointError if the file is missing, truncated, damaged, of another kind or of another format version.
    """
    path = Path(path)
    afresh = "Name another file, or delete this one, to start afresh"
    if not os.path.isfile(path):  # opening a pipe would wait for ever
        raise CheckpointError(f"{path}: no such file, or not a plain one. Check the path")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            # Copies, since get_tensor maps the file: whoever wrote over it later would change the weights in memory.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a dict)
        whole = header.get("sha256") == digest(tensors, header.get("info", ""))
        info = json.loads(header.get("info", "{}"))
    except Exception as error:  # damaged, and then readers raise almost anything
        raise CheckpointError(f"{path}: truncated, damaged or not a safetensors file ({error}). {afresh}") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path}: a safetensors file, but not a checkpoint of a training run here. {afresh}")
    if header.get("version") != str(VERSION):
        raise CheckpointError(
            f"{path}: format {header.get('version')}, but this version of Inkdrop reads {VERSION} only. {afresh}"
        )
    if not whole or not isinstance(info, dict):
        raise CheckpointError(f"{path}: damaged, its contents do not match its checksum. {afresh}")
    return tensors, info


def digest(tensors, text) -> str:
    """The SHA-256 of a checkpoint's contents: the format itself has no checksum."""
    content = hashlib.sha256(text.encode())
    for name, x in sorted(tensors.items()):
        content.update(f"{name} {x.dtype} {tuple(x.shape)}".encode())
        content.update(x.reshape(-1).view(torch.uint8).numpy())  # its bytes; NumPy lacks some kinds of number
    return content.hexdigest()
