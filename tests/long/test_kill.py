"""A training run that is killed, at any moment and over and over: its file loads, and nothing but time is lost.

SIGKILL leaves a program no last word, as a kernel that is restarted or that runs out of memory. In the end the weights
are bit for bit those of a run that nobody disturbed.
"""

import io
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
import torch
from torch import nn

from helpers import schedule, training
from helpers.storage import files, resume

if not hasattr(signal, "SIGKILL"):
    pytest.skip("no SIGKILL here", allow_module_level=True)

STEPS = 3000  # far more than are done between the kills
MINUTE = 60


class Net(nn.Module):
    """Small, so that most of the time goes into writing files."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 3, 3, padding=1))
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for p in self.parameters():
                p.uniform_(-0.3, 0.3, generator=generator)

    def forward(self, xt, t):
        return self.layers(xt)


def make(steps=STEPS):
    """The run, always the same."""
    images = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(2)) * 2 - 1
    generator = torch.Generator().manual_seed(3)
    return training.Run(Net(), images, schedule.cosine(50), generator, steps=steps, batch_size=4)


def work(folder, steps=STEPS):
    """Train, and keep every step; note each before the next one begins: the log is written past all buffers."""
    torch.set_num_threads(1)
    os.environ["INKDROP_CACHE"] = str(folder)
    with open(folder / "log", "ab", buffering=0) as stream:
        for state in resume.kept(make(steps), every=1):
            stream.write(f"{state.step}\n".encode())


def last(folder):
    """The step noted last; 0 if there is none yet. (A line may be cut off: by its missing end it is known.)"""
    log = folder / "log"
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    return int(lines[-1]) if lines else 0


def wait_for(condition, process):
    end = time.monotonic() + MINUTE
    while not condition():
        assert time.monotonic() < end and process.is_alive()
        time.sleep(0.002)


def survivor(steps=STEPS):
    """The step of what a kill left in the file, which loads."""
    return len(files.load_tensors(resume.file_of(make(steps)))[1]["losses"])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("INKDROP_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def processes():
    """Processes that share one start of Python and PyTorch, since each lives for a moment only."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["helpers.training", "torch._dynamo"])  # the latter for the first optimiser
    return context


def assert_goes_on_undisturbed(steps=STEPS):
    """To its end, the run comes to what it comes to without a file."""
    run, other = make(steps), make(steps)
    *_, state = resume.kept(run, every=steps)
    *_, expected = other
    assert state.step == steps and run.losses == other.losses
    for one, two in ((state.net, expected.net), (state.ema, expected.ema)):
        for p, q in zip(one.parameters(), two.parameters(), strict=True):
            assert torch.equal(p, q)


def test_killed_twenty_times(folder, processes):
    steps, rng = [0], np.random.default_rng(0)
    for _ in range(20):
        process = processes.Process(target=work, args=(folder,), daemon=True)
        process.start()
        wait_for(lambda: last(folder) > steps[-1] + 1, process)  # so that steps were kept, however slow the machine
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        steps.append(survivor())
        assert last(folder) <= steps[-1] <= last(folder) + 1  # a step is kept first and shown next
    assert steps == sorted(set(steps)) and steps[-1] < STEPS
    assert_goes_on_undisturbed()


def kill_at(moment, folder):
    """Train, and die while the tenth step is being written."""
    count = 0

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    class Half(io.FileIO):
        """Writes the first half, and dies."""

        def write(self, content):
            super().write(content[: len(content) // 2])
            die()

    def at_last(module, name, act):
        function = getattr(module, name)

        def then(*args):
            nonlocal count
            count += (written := module is not io or "x" in args[1])  # io.open reads too
            return act(*args) if written and count == 10 else function(*args)

        setattr(module, name, then)

    act = {"at the beginning": die, "half-way": lambda file, mode, *_: Half(file, mode)}.get(moment)
    if act:
        at_last(io, "open", act)  # by which pathlib opens files
    elif moment == "before it is on the disk":
        at_last(os, "fsync", die)
    elif moment == "before it takes its place":
        at_last(os, "replace", die)
    else:
        at_last(os, "replace", lambda *args, replace=os.replace: (replace(*args), die()))
    work(folder, steps=20)


MOMENTS = ["at the beginning", "half-way", "before it is on the disk", "before it takes its place", "just after"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_in_the_middle_of_writing(moment, folder, processes):
    process = processes.Process(target=kill_at, args=(moment, folder))
    process.start()
    process.join(MINUTE)
    assert process.exitcode == -signal.SIGKILL
    assert last(folder) == 9 and survivor(steps=20) == (10 if moment == "just after" else 9)
    left = set(folder.iterdir()) - {folder / "log", resume.file_of(make(steps=20))}
    assert len(left) <= (moment != "just after")
    assert_goes_on_undisturbed(steps=20)
    assert set(folder.iterdir()) - {folder / "log"} == left  # which might be of a writer still at work
