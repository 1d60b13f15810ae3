"""Training that survives a restart: a run in a file, `for state in resume.kept(run): ...`

The file's name is a hash of what a run is made of, so another seed or set of sprites has a file of its own, and going
on gives bit for bit what would have come without the interruption.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch

from helpers.interrupt import uninterrupted
from helpers.storage import files
from helpers.storage.files import FileError
from helpers.training import Run, State


def kept(run: Run, every: int = 100) -> Iterator[State]:
    """Iterate a run, and keep it in a file in the cache: every so many steps, and when it is stopped in a step.

    A run that was begun before, and did not end, goes on where it stood, and a line says so. A file that cannot be
    written is told by a warning; training goes on, and writes at the next turn. At the end the file is removed.

    Raises FileError if there is a file and it is damaged, and whatever the run raises.
    """
    path = file_of(run)
    if not run.losses and path.exists():
        load(run, path)
        print(f"Goes on after step {run.state.step}, as kept in {path}. Delete the file to start afresh.")
    try:
        for state in run:
            if state.step % every == 0 and state.step < state.steps:
                _try_to_save(run, path)
            yield state
    except KeyboardInterrupt:
        _try_to_save(run, path)
        raise
    path.unlink(missing_ok=True)


def file_of(run: Run) -> Path:
    """Where a run is kept: the name tells of its sprites, schedule, settings, seed and kind of network."""
    shapes = [(name, list(x.shape)) for name, x in run.net.state_dict().items()]
    settings = [run.steps, run.batch_size, run.lr, run.ema_decay, run.loss.__qualname__, run.generator.initial_seed()]
    content = hashlib.sha256(json.dumps([shapes, settings]).encode())
    for x in (run.images, run.sched.alpha_bar, *([] if run.labels is None else [run.labels])):
        content.update(x.detach().cpu().contiguous().numpy())
    return files.cache() / f"run-{content.hexdigest()[:16]}.safetensors"


def save(run: Run, path: Path) -> None:
    """Write all that a run hands on from step to step. Raises FileError if it cannot be written."""
    adam = run.optimiser.state_dict()["state"]
    tensors = {
        **{f"net.{name}": x for name, x in run.net.state_dict().items()},
        **{f"ema.{name}": x for name, x in run.ema.state_dict().items()},
        **{f"adam.{i}.{key}": x for i, of in adam.items() for key, x in of.items()},
        "generator": run.generator.get_state(),
    }
    with uninterrupted():
        files.save_tensors(path, tensors, {"losses": run.losses})


@torch.no_grad()
def load(run: Run, path: Path) -> None:
    """Set a run to where another one, made alike, stood when it was saved.

    Raises FileError if the file is damaged or is of a run made otherwise.
    """
    tensors, info = files.load_tensors(path)
    try:
        losses = [float(loss) for loss in info["losses"]]
        run.net.load_state_dict(_below("net", tensors))
        run.ema.load_state_dict(_below("ema", tensors))
        adam: dict[int, dict] = {}
        weights = list(run.net.parameters())
        for name, x in _below("adam", tensors).items():
            i, key = name.split(".")
            if x.ndim:  # AdamW wants the order in memory that the weights have, and says nothing where it is another
                x = torch.empty_like(weights[int(i)]).copy_(x)
            adam.setdefault(int(i), {})[key] = x
        run.optimiser.load_state_dict({**run.optimiser.state_dict(), "state": adam})
        run.generator.set_state(tensors["generator"])
    except (LookupError, RuntimeError, TypeError, ValueError) as error:
        raise FileError(f"{path}: is not a run of this network ({error}). Delete it to start afresh") from error
    run.losses = losses


def _below(group: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those whose names begin with `group.`, without it."""
    return {name.removeprefix(f"{group}."): x for name, x in tensors.items() if name.startswith(f"{group}.")}


def _try_to_save(run: Run, path: Path) -> None:
    try:
        save(run, path)
    except FileError as error:  # a full disk, or a virus scanner that has the file open
        warnings.warn(f"Step {run.state.step} is not kept: {error}. Training goes on.", stacklevel=3)
