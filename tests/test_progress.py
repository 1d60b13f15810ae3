"""What is shown while a network trains, and to whom."""

import copy
import sys

import pytest
import torch

from helpers import schedule
from helpers.lesson import progress
from helpers.training import Run
from helpers.unet import UNet

SCHED = schedule.cosine()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


X = torch.rand(12, 3, 16, 16, generator=generator(5)) * 2 - 1


@pytest.fixture
def screen(monkeypatch):
    """What is displayed, as a list of (kind, HTML)."""
    import IPython.display

    shown = []

    class Handle:
        def update(self, html):
            shown.append(("update", html.data))

    def display(html, display_id):
        shown.append(("display", html.data))
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def run(n=4):
    return Run(UNet(16, generator=generator(1)), X, SCHED, generator(), steps=n, batch_size=4)


@pytest.mark.parametrize("t", [300, torch.tensor([10, 200, 500])])
def test_it_shows_a_bar_and_a_picture(t, screen, capsys):
    noise = torch.randn(3, 3, 16, 16, generator=generator())
    seen = [state.step for state in progress.watch(run(), X[:3], t, noise, SCHED, every=2, quiet=False)]
    assert seen == [1, 2, 3, 4]
    err = capsys.readouterr().err
    assert "4/4" in err and "loss=" in err
    assert [kind for kind, _ in screen] == ["display", "update", "update"]  # steps 1, 2 and 4
    assert "Step 4: the same noisy sprites" in screen[-1][1] and 'alt="Noisy sprites above' in screen[-1][1]


def test_it_changes_nothing(screen):
    plain = list(run())[-1]
    noise = torch.randn(3, 3, 16, 16, generator=generator(3))
    shown = list(progress.watch(run(), X[:3], 300, noise, SCHED, quiet=False))[-1]
    assert all(torch.equal(a, b) for a, b in zip(plain.net.parameters(), shown.net.parameters(), strict=True))


def test_it_without_pictures(screen, capsys):
    assert len(list(progress.watch(run(), quiet=False))) == 4
    assert screen == [] and "4/4" in capsys.readouterr().err


def test_it_goes_on_where_training_does(screen, capsys):
    begun = run()
    for state in progress.watch(begun, quiet=False):
        if state.step == 2:
            break
    capsys.readouterr()
    assert [state.step for state in progress.watch(begun, quiet=False)] == [3, 4]
    assert "4/4" in capsys.readouterr().err


def test_quiet_where_nobody_watches(screen, capsys):
    assert len(list(progress.watch(run(), X[:3], 300, X[:3], SCHED))) == 4  # a test is such a place
    assert screen == [] and capsys.readouterr() == ("", "")


def test_who_is_watching(monkeypatch):
    class Shell:
        user_ns = {}  # noqa: RUF012

    import IPython

    for name in ("INKDROP_QUIET", "PYTEST_VERSION", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert not progress.is_watched()  # a script
    monkeypatch.setitem(sys.modules, "ipykernel", copy)
    monkeypatch.setattr(IPython, "get_ipython", Shell)
    assert not progress.is_watched()  # nbclient
    monkeypatch.setenv("JPY_SESSION_NAME", "02_training.ipynb")
    assert progress.is_watched()  # JupyterLab
    monkeypatch.setenv("PYTEST_VERSION", "9")
    assert not progress.is_watched()
    monkeypatch.setenv("INKDROP_QUIET", "0")
    assert progress.is_watched()
    monkeypatch.setenv("INKDROP_QUIET", "1")
    assert not progress.is_watched()
    monkeypatch.delenv("INKDROP_QUIET")
    monkeypatch.delenv("PYTEST_VERSION")
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setitem(sys.modules, "google.colab", copy)
    assert progress.is_watched()  # Colab
