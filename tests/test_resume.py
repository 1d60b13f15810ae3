"""A run in a file: that it goes on bit for bit, and that a file that cannot be written stops nothing."""

import os
import signal

import pytest
import torch

from helpers import schedule, training
from helpers.storage import files, resume
from helpers.storage.files import FileError
from helpers.training import Run
from helpers.unet import UNet

SCHED = schedule.cosine()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INKDROP_CACHE", str(tmp_path))
    return tmp_path


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


IMAGES = torch.rand(12, 3, 16, 16, generator=generator(5)) * 2 - 1


def make(seed=0, channels=16, images=IMAGES, **options):
    options = {"steps": 6, "batch_size": 4, **options}
    return Run(UNet(channels, generator=generator(1)), images, SCHED, generator(seed), **options)


def stopped_after(n, **options):
    """A run that was kept every two steps, and left after n, as when a kernel dies."""
    run = make(**options)
    for state in resume.kept(run, every=2):
        if state.step == n:
            return run


def same(a, b):
    pairs = [(a.net, b.net), (a.ema, b.ema)]
    return a.losses == b.losses and all(
        torch.equal(x, y)
        for one, other in pairs
        for x, y in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def finished():
    run = make()
    list(run)
    return run


@pytest.mark.parametrize(("n", "kept"), [(2, 2), (3, 2), (5, 4)])
def test_another_kernel_goes_on_bit_for_bit(n, kept, capsys):
    stopped_after(n)
    again = make()
    again.net.reset_parameters(generator(8))  # whatever they are, the file knows better
    assert [state.step for state in resume.kept(again)] == list(range(kept + 1, 7))
    assert same(again, finished())
    assert f"Goes on after step {kept}, as kept in {resume.file_of(again)}" in capsys.readouterr().out


def test_at_the_end_the_file_is_gone(cache):
    stopped_after(3)
    assert len(list(cache.iterdir())) == 1
    list(resume.kept(make()))
    assert list(cache.iterdir()) == []


def test_in_the_same_kernel_the_run_itself_goes_on(capsys):
    run = stopped_after(3)
    assert [state.step for state in resume.kept(run)] == [4, 5, 6]
    assert same(run, finished()) and capsys.readouterr().out == ""


def test_a_loop_that_is_collected_late_writes_nothing():
    """A stopped cell's loop may be collected long after the cell was run again, and then must not touch the file."""
    old = resume.kept(make(), every=2)
    next(old)
    new = resume.kept(make(), every=2)
    for _ in range(5):
        next(new)
    path = resume.file_of(make())
    before = path.read_bytes()
    old.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"steps": 7},
        {"lr": 1e-3},
        {"channels": 24},
        {"images": IMAGES[:11]},
        {"loss": lambda *a: training.step_loss(*a)},
    ],
)
def test_another_run_has_another_file(change):
    stopped_after(3)
    assert next(state.step for state in resume.kept(make(**change))) == 1


def test_the_stop_button_keeps_the_steps_done(cache, monkeypatch, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    run, update = make(), training.update_ema

    def stop(*args):
        update(*args)
        if run.state.step == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(training, "update_ema", stop)
    with pytest.raises(KeyboardInterrupt):
        list(resume.kept(run))
    monkeypatch.undo()
    monkeypatch.setenv("INKDROP_CACHE", str(cache))
    again = make()
    assert next(state.step for state in resume.kept(again)) == 4


def test_a_save_that_fails_once_is_told_and_training_goes_on(monkeypatch):
    replace, calls = os.replace, []

    def refuse_once(*args):
        calls.append(args)
        if len(calls) == 1:
            raise PermissionError("another program has the file open")
        replace(*args)

    monkeypatch.setattr(os, "replace", refuse_once)
    run = make()
    with pytest.warns(UserWarning, match=r"Step 2 is not kept: .*another program.*Training goes on"):
        states = [state.step for state in zip_until(resume.kept(run, every=2), 5)]
    assert states == [1, 2, 3, 4, 5]
    assert len(files.load_tensors(resume.file_of(run))[1]["losses"]) == 4


def zip_until(states, n):
    for state in states:
        yield state
        if state.step == n:
            return


def test_a_damaged_file_is_refused_and_left_alone():
    stopped_after(3)
    path = resume.file_of(make())
    path.write_bytes(bad := path.read_bytes()[:-1])
    with pytest.raises(FileError, match=r"damaged.*Delete it"):
        list(resume.kept(make()))
    assert path.read_bytes() == bad


def test_a_file_of_another_kind_is_refused():
    run = make()
    files.save_tensors(resume.file_of(run), {"net.a": torch.zeros(3)}, {"losses": [1.0]})
    with pytest.raises(FileError, match=r"(?s)not a run of this network.*Delete it"):
        list(resume.kept(run))
