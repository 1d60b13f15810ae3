"""A training run that is killed, at any moment and over and over: its checkpoint loads, and nothing but time is lost.

SIGKILL leaves a program no last word, as a kernel that is restarted or that runs out of memory. In the end the weights
are bit for bit those of a run that nobody disturbed.
"""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers import schedule, training
from helpers.storage import checkpoint, files

if not hasattr(signal, "SIGKILL"):
    pytest.skip("no SIGKILL here", allow_module_level=True)

STEPS = 3000  # far more than are done between the kills
SCHED = schedule.cosine(50)
MINUTE = 60


class Net(nn.Module):
    """Small, so that most of the time goes into writing checkpoints."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 3, 3, padding=1))
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for p in self.parameters():
                p.uniform_(-0.3, 0.3, generator=generator)

    def forward(self, xt, t):
        return self.layers(xt)


def start(path=None, steps=STEPS, save_every=1):
    """The run: always the same, gone on with if its checkpoint is there."""
    images = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(2)) * 2 - 1
    generator = torch.Generator().manual_seed(3)
    options = {"generator": generator, "steps": steps, "batch": 4, "checkpoint": path, "save_every": save_every}
    return training.train(Net(), images, SCHED, **options)


def work(path, log, steps=STEPS):
    """Train, and note every step before the next one begins: the log is written past all buffers."""
    torch.set_num_threads(1)
    with open(log, "ab", buffering=0) as stream:
        for state in start(path, steps):
            stream.write(f"{state.step}\n".encode())


def last(log):
    """The step noted last; 0 if there is none yet. (A line may be cut off: by its missing end it is known.)"""
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    return int(lines[-1]) if lines else 0


def wait_for(condition, process, seconds=MINUTE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end and process.is_alive()
        time.sleep(0.002)


def survivor(path, log):
    """What a kill left: the step of the checkpoint, which loads and lacks no step but, at most, the one at work."""
    _, info = checkpoint.load(path)
    assert last(log) - 1 <= info["step"] <= last(log)  # a step is shown first and saved next
    return info["step"]


@pytest.fixture(scope="module")
def processes():
    """Processes that share one start of Python and PyTorch, since each lives for a moment only."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["helpers.training", "torch._dynamo"])  # the latter for the first optimiser
    return context


@pytest.fixture(scope="module")
def undisturbed():
    """The state at the end of a run that nobody killed."""
    *_, state = start(steps=STEPS)
    return state


def assert_same(state, other):
    assert (state.step, state.loss, state.lr) == (other.step, other.loss, other.lr)
    for one, two in ((state.net, other.net), (state.ema, other.ema)):
        for p, q in zip(one.parameters(), two.parameters(), strict=True):
            assert torch.equal(p, q)


def test_killed_twenty_times(tmp_path, processes, undisturbed):
    path, log, rng = tmp_path / "run", tmp_path / "log", np.random.default_rng(0)
    steps, before = [], 0
    for _ in range(20):
        log.unlink(missing_ok=True)
        process = processes.Process(target=work, args=(path, log), daemon=True)
        process.start()
        wait_for(lambda: last(log) > before + 1, process)  # so that a step more was saved, however slow the machine
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        steps.append(before := survivor(path, log))
    assert steps == sorted(set(steps)) and steps[-1] < STEPS
    *_, state = start(path, save_every=STEPS)
    assert_same(state, undisturbed)


def kill_at(moment, path, log):
    """Train, and die while the tenth checkpoint is being written."""
    count = 0

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def at_last(function, act):
        def then(*args):
            nonlocal count
            count += 1
            return act(*args) if count == 10 else function(*args)

        return then

    class Half:
        """Writes the first half, and dies."""

        def __init__(self, handle, mode):
            self.handle = handle

        def __enter__(self):
            return self

        def __exit__(self, *_):
            die()

        def write(self, content):
            os.write(self.handle, content[: len(content) // 2])
            die()

    name, act = {
        "before a byte is written": ("fdopen", die),
        "half-way": ("fdopen", Half),
        "before it is on the disk": ("fsync", die),
        "before it takes its place": ("replace", die),
        "just after": ("replace", lambda *args, replace=os.replace: (replace(*args), die())),
    }[moment]
    setattr(os, name, at_last(getattr(os, name), act))
    work(path, log, steps=20)


MOMENTS = [
    "before a byte is written",
    "half-way",
    "before it is on the disk",
    "before it takes its place",
    "just after",
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_in_the_middle_of_writing(moment, tmp_path, processes):
    folder, log = tmp_path / "kept", tmp_path / "log"
    path = folder / "run"
    process = processes.Process(target=kill_at, args=(moment, path, log))
    process.start()
    process.join(MINUTE)
    assert process.exitcode == -signal.SIGKILL
    assert survivor(path, log) == (9 if moment == "just after" else 8)  # the first was written at step 0

    left = [file for file in folder.iterdir() if file != path]
    assert len(left) == (moment != "just after")
    *_, state = start(path, steps=20)
    *_, other = start(steps=20)
    assert_same(state, other)
    assert [file for file in folder.iterdir() if file != path] == left  # might be of a writer still at work

    for file in left:
        os.utime(file, (time.time() - 2 * files.HOUR,) * 2)
    checkpoint.save(path, *checkpoint.load(path))
    assert list(folder.iterdir()) == [path]  # an hour later it cannot be


def test_killed_kernels(tmp_path):
    """The same in Jupyter: a cell that trains, as in notebook 2, and a kernel that dies under it."""
    from jupyter_client.manager import start_new_kernel

    here = str(Path(__file__).parent)
    setup = f"import sys; sys.path.insert(0, {here!r}); import test_kill"
    cell = "for state in test_kill.start({path!r}): print(state.step, flush=True)"
    path, before = tmp_path / "run", 0
    for delay in (0.05, 0.4):
        manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--IPKernelApp.log_level=ERROR"])
        try:
            client.execute_interactive(setup, timeout=2 * MINUTE)
            client.execute(cell.format(path=str(path)))
            while True:
                message = client.get_iopub_msg(timeout=MINUTE)
                if message["msg_type"] == "stream" and int(message["content"]["text"].split()[-1]) > before:
                    break
            time.sleep(delay)
            os.kill(manager.provisioner.pid, signal.SIGKILL)
            assert manager.provisioner.process.wait(MINUTE) == -signal.SIGKILL
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
        _, info = checkpoint.load(path)
        assert info["step"] > before
        before = info["step"]
    state = next(start(path))
    assert state.step == before < STEPS
