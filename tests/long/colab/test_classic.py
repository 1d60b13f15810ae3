"""Sliders in the classic notebook with ipywidgets 7, whose widgets are Colab's too (`tools.lanes.colab`)."""

import os
import re
import socket
import subprocess
import time
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from tools import lanes
from tools.browser import PATIENCE, ROOT, pixels

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
SCRUBBER = """
import numpy as np
from helpers.lesson import scrubber

frames = np.arange(101, dtype=np.uint8)[:, None, None, None] * np.ones((16, 16, 3), np.uint8)
scrubber.show(frames, caption="It turns grey.", alt="A square that turns grey.", label="noise level")
"""
PLAYGROUND = """
import torch
from helpers import schedule
from helpers.lesson import playground

bob = torch.zeros(1, 3, 16, 16)
playground.Playground(lambda xt, t: torch.tanh(xt), schedule.cosine(), bob, name="Bob", say=lambda x: "A new sprite.")
"""


@pytest.fixture(scope="module")
def classic(tmp_path_factory):
    """A classic notebook server with none of the user's settings: (its address, the folder it shows)."""
    home = tmp_path_factory.mktemp("classic")
    folder = home / "notebooks"
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
    env = {**os.environ, "PYTHONPATH": str(ROOT), **{name: str(home / name) for name in places}}
    command = [lanes.build(lanes.colab()), "-m", "notebook", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ip=127.0.0.1", "--NotebookApp.token="]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE / 1000
        while not answers(f"http://127.0.0.1:{port}/"):
            if time.monotonic() > deadline or server.poll() is not None:
                raise RuntimeError("the notebook server did not start:\n" + (home / "log").read_text())
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/", folder
    finally:
        server.terminate()
        server.wait(20)


def answers(url) -> bool:
    try:
        return urlopen(url, timeout=5).status == 200
    except URLError:
        return False


def run(page, classic, *sources):
    """Open a notebook with these cells and run them all."""
    url, folder = classic
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources], metadata=KERNEL)
    nbformat.write(notebook, folder / "sliders.ipynb")
    page.goto(f"{url}notebooks/sliders.ipynb", timeout=PATIENCE)
    page.wait_for_function("() => window.Jupyter?.notebook?.kernel?.widget_manager", timeout=PATIENCE)
    page.locator(".kernel_idle_icon").wait_for(timeout=PATIENCE)
    page.evaluate("() => Jupyter.notebook.execute_all_cells()")


def slides(page, figure):
    slider = figure.get_by_role("slider", name="noise level")
    slider.focus()
    for key, level in [("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("PageUp", 12), ("End", 100)]:
        page.keyboard.press(key)
        expect(slider).to_have_value(str(level))
        assert (pixels(figure) == level).all()


def test_the_scrubber_slides_run_twice_and_opened_again(page, classic):
    run(page, classic, SCRUBBER, SCRUBBER)
    figures = page.locator("figure.inkdrop")
    expect(figures).to_have_count(2)
    slides(page, figures.nth(1))
    page.evaluate("() => Jupyter.notebook.execute_cells([0])")
    expect(figures.nth(0).get_by_role("slider")).to_have_value("0")
    slides(page, figures.nth(0))
    page.evaluate("() => Jupyter.notebook.save_checkpoint()")
    page.wait_for_function("() => !Jupyter.notebook.dirty")
    page.reload()
    expect(figures).to_have_count(2)
    slides(page, figures.nth(0))
    assert page.troubles == []


def test_the_sliders_and_buttons_of_the_playground_work(page, classic):
    run(page, classic, PLAYGROUND)
    film = page.get_by_alt_text(re.compile("coming up out of noise"))
    expect(film).to_be_visible()
    expect(page.get_by_alt_text("that was drawn")).to_be_hidden()  # the still, while the widget lives
    first = film.get_attribute("src")
    page.locator(".widget-slider").filter(has_text="seed").locator(".ui-slider-handle").press("ArrowRight")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.get_by_alt_text("drawn from seed 2, coming up")).to_be_visible()
    assert film.get_attribute("src") != first
    assert page.troubles == []
