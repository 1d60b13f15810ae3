"""Something to look at while the network trains: a bar, and its guesses of the same noisy sprites."""

import os
import sys

import torch

from helpers.lesson import pictures
from helpers.world import sprites


def watch(states, x0=None, t=None, noise=None, sched=None, *, every: int = 20, quiet: bool | None = None):
    """Pass on the states of a run, showing how far it is: `for state in watch(run, x0, t, noise, sched)`.

    A bar with the time left and the loss and, if some sprites are given, a picture of what the network makes of them,
    renewed every `every` steps: noisy, guess, truth. The noise is held fixed.

    x0, t, noise, sched  as for `sched.add_noise`, a handful of sprites, on the device of the network
    quiet                True shows nothing; None does so where nobody is watching: in scripts, in tests, and where a
                         notebook is run for its outputs, which would differ from run to run. The environment variable
                         INKDROP_QUIET, 1 or 0, decides for all
    """
    if not is_watched() if quiet is None else quiet:
        yield from states
        return

    from IPython.display import HTML, display
    from tqdm.auto import tqdm

    picture = None
    with tqdm(unit="step") as bar:
        for state in states:
            if bar.total is None:  # the first, perhaps of a run that goes on
                bar.reset(state.steps)
                bar.initial = bar.n = state.step - 1
                loss = state.loss
            loss = 0.95 * loss + 0.05 * state.loss
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update(state.step - bar.n)
            if x0 is not None and (picture is None or state.step % every == 0 or state.step == state.steps):
                html = HTML(_guesses(state, x0, t, noise, sched))
                if picture is None:
                    picture = display(html, display_id=True)
                else:
                    picture.update(html)
            yield state


@torch.no_grad()
def _guesses(state, x0, t, noise, sched) -> str:
    """A picture in HTML: noisy sprites, what the network takes them for, and what they are."""
    xt = sched.add_noise(x0, t, noise)
    rows = torch.cat([xt, state.ema(xt, t), x0])
    levels = torch.as_tensor(t).expand(len(x0)).tolist()
    labels = [f"t = {level}" for level in levels] + ["guess"] * len(x0) + ["truth"] * len(x0)
    return pictures.figure_html(
        picture := pictures.grid(sprites.to_uint8(rows), labels, columns=len(x0)),
        alt="Noisy sprites above, the network's guesses in the middle, the true sprites below.",
        caption=f"Step {state.step}: the same noisy sprites, what the network takes them for, and what they are.",
        width=picture.width,
    )[0]


def is_watched() -> bool:
    """Does this run in a notebook that somebody has open, in JupyterLab, Colab or VS Code?"""
    if os.environ.get("INKDROP_QUIET"):
        return os.environ["INKDROP_QUIET"] == "0"
    if "PYTEST_VERSION" in os.environ or "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and (
        "JPY_SESSION_NAME" in os.environ  # set by Jupyter's server, not where a program runs the notebook
        or "google.colab" in sys.modules
        or "__vsc_ipynb_file__" in shell.user_ns
    )
