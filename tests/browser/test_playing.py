"""The playground as a learner meets it: drawn and kept from in JupyterLab, and what it leaves in a saved notebook."""

import re

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from tools.browser import open_notebook, run_all

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PLAYGROUND = """
from pathlib import Path

import torch

from helpers import schedule
from helpers.lesson import playground

playground.KEPT = Path("kept").resolve()
bob = torch.zeros(1, 3, 16, 16)
playground.Playground(lambda xt, t: torch.tanh(xt), schedule.cosine(), bob, name="Bob", say=lambda x: "A new sprite.")
"""


def test_it_draws_and_keeps_and_leaves_a_picture_for_whoever_opens_it_without_its_kernel(page, lab):
    nbformat.write(new_notebook(cells=[new_code_cell(PLAYGROUND)], metadata=KERNEL), lab.folder / "playground.ipynb")
    open_notebook(page, lab, "playground.ipynb")
    run_all(page)
    film, still = (
        page.get_by_alt_text(re.compile("coming up out of noise")),
        page.locator("figure[class^=inkdrop-] img"),
    )
    expect(film).to_be_visible()
    expect(still).to_be_attached()
    expect(still).to_be_hidden()  # while the widget lives
    first = film.get_attribute("src")
    page.locator(".widget-slider").filter(has_text="seed").get_by_role("slider").press("ArrowRight")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.get_by_alt_text("drawn from seed 2, coming up")).to_be_visible()
    assert film.get_attribute("src") != first and len(first) > 10_000  # a film, no still
    page.get_by_role("button", name="Keep the picture").click()
    expect(page.get_by_text("Kept: kept/sprite-seed2-steps50-eta1-level500.png")).to_be_visible()
    expect(page.get_by_text("seed 2")).to_be_attached()  # the still has followed
    assert page.troubles == []

    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")
    open_notebook(page, lab, "playground.ipynb")
    expect(still).to_be_visible()
    expect(page.locator("figcaption")).to_contain_text("seed 2")
    expect(page.locator("figcaption")).to_contain_text("Run this cell")
    assert page.get_by_role("button", name="Draw", exact=True).count() == 0
    kept = (lab.folder / "kept" / "sprite-seed2-steps50-eta1-level500.png").read_bytes()
    assert still.evaluate("i => i.naturalWidth") == 256 and kept[:4] == b"\x89PNG"
