"""Notebook 2 as a learner meets it: training watched in JupyterLab, stopped half-way, and gone on with."""

import re

import nbformat
from nbformat.v4 import new_code_cell
from playwright.sync_api import expect

from tools.browser import ROOT, ended, open_notebook, start

MINUTES = 60_000
NEEDED = ("STEPS = ", "import torch", "device = ", "net = unet.UNet(", "progress.watch(")  # the cells for training


def test_training_is_shown_and_can_be_stopped_and_gone_on_with(page, lab):
    notebook = nbformat.read(ROOT / "notebooks" / "02_training.ipynb", as_version=4)
    code = [
        cell for cell in notebook.cells if cell.cell_type == "code" and "bootstrap" not in cell.metadata.get("tags", [])
    ]
    chosen = [next(cell for cell in code if needed in cell.source) for needed in NEEDED]
    notebook.cells = [
        *{id(cell): cell for cell in chosen}.values(),
        new_code_cell("print(len(run.losses), run.state.step)"),
    ]
    nbformat.write(notebook, lab.folder / "training.ipynb")
    open_notebook(page, lab, "training.ipynb")
    caption = page.get_by_text(re.compile(r"^Step \d+: the same noisy sprites"))

    first = start(page, "notebook:run-all-cells")
    expect(caption).to_contain_text("Step 20", timeout=2 * MINUTES)
    steps = lab.env["INKDROP_STEPS"]
    expect(page.get_by_text(re.compile(rf"\d+/{steps}")).first).to_be_visible()  # the bar
    start(page, "notebook:interrupt-kernel")
    expect(page.get_by_text("KeyboardInterrupt").first).to_be_visible(timeout=MINUTES)
    ended(page, first, MINUTES)  # the cell after it is given up; only now may it be started again
    expect(caption).not_to_contain_text(f"Step {steps}")

    page.evaluate(
        "i => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", len(notebook.cells) - 2
    )
    assert ended(page, start(page, "notebook:run-all-below"), 5 * MINUTES)
    expect(caption).to_contain_text(f"Step {steps}")
    expect(page.locator(".jp-OutputArea-output").last).to_have_text(f"{steps} {steps}")  # nothing done twice
    assert page.troubles == []
