"""Notebook 2 as a learner meets it: training watched in JupyterLab, stopped half-way, gone on with, and read later."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import expect

from tools.browser import ROOT, ended, jupyterlab, open_notebook, start

NOTEBOOK = ROOT / "notebooks" / "02_training.ipynb"
MINUTES = 60_000
STEPS = 80


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab in which training is short and shown, as to a person; a network kept there replaces nobody's own."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("INKDROP_STEPS", str(STEPS))
        environment.setenv("INKDROP_QUIET", "0")
        environment.setenv("INKDROP_CACHE", str(tmp_path_factory.mktemp("cache")))
        with jupyterlab() as running:
            yield running


def test_training_is_shown_and_can_be_stopped_and_gone_on_with(page, lab):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    training = next(i for i, cell in enumerate(notebook.cells) if "progress.watch(" in cell.source)
    notebook.cells.append(new_code_cell("print('stopped at', stopped, 'then counted', len(losses), 'to', state.step)"))
    notebook.cells.insert(training, new_code_cell("stopped = len(losses)"))
    nbformat.write(notebook, lab.folder / NOTEBOOK.name)
    open_notebook(page, lab, NOTEBOOK.name)

    def captions():
        return page.get_by_text(re.compile(r"^Step \d+: the same noisy sprites"))

    first = start(page, "notebook:run-all-cells")
    expect(captions()).to_have_count(1, timeout=5 * MINUTES)
    expect(captions()).to_contain_text("Step 20", timeout=2 * MINUTES)
    expect(page.get_by_text(re.compile(rf"\d+/{STEPS}")).first).to_be_visible()  # the bar
    start(page, "notebook:interrupt-kernel")
    expect(page.get_by_text("KeyboardInterrupt").first).to_be_visible(timeout=MINUTES)
    ended(page, first, MINUTES)  # the cells after it are given up; only now may they be started again

    page.evaluate("i => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", training)
    ended(page, start(page, "notebook:run-all-below"), 8 * MINUTES)
    outputs = page.evaluate(
        "() => Array.from(window.jupyterapp.shell.currentWidget.content.model.cells, (c) => c.toJSON().outputs ?? [])"
    )  # of the notebook, not of the page, which holds only what is near the screen
    errors = [o for out in outputs[training:] for o in out if o["output_type"] == "error"]
    assert errors == []
    expect(captions()).to_contain_text(f"Step {STEPS}")
    said = "".join(outputs[-1][0]["text"])
    stopped, counted, last = map(int, re.fullmatch(r"stopped at (\d+) then counted (\d+) to (\d+)\n", said).groups())
    assert last == STEPS and 20 <= stopped < STEPS
    assert counted in (STEPS, STEPS + 1)  # the state it stood at is shown once more
    assert page.troubles == []
