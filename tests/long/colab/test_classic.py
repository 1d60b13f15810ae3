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
from helpers.lesson import viewer

frames = np.arange(101, dtype=np.uint8)[:, None, None, None] * np.ones((16, 16, 3), np.uint8)
w = viewer.scrubber(frames, caption="It turns grey.", alt="A square that turns grey.", label="noise level")
w
"""
PLAYGROUND = """
import torch
from helpers import schedule
from helpers.lesson import playground

playground.Playground(lambda xt, t: torch.tanh(xt), schedule.cosine(), torch.zeros(1, 3, 16, 16))
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


def test_the_slider_moves_the_picture_and_python_hears_of_it(page, classic):
    run(page, classic, SCRUBBER, "print('level', w.level)")
    figure = page.locator("figure.inkdrop")
    slider = figure.get_by_role("slider", name="noise level")
    expect(slider).to_have_value("0")
    assert (pixels(figure) == 0).all()
    slider.focus()
    for key, level in [("ArrowRight", 1), ("ArrowRight", 2), ("PageUp", 12), ("End", 100), ("ArrowLeft", 99)]:
        page.keyboard.press(key)
        expect(slider).to_have_value(str(level))
        assert (pixels(figure) == level).all()
    told = page.locator(".cell").nth(1).locator(".output_text")
    for _ in range(20):
        page.evaluate("() => Jupyter.notebook.execute_cells([1])")
        if "99" in told.inner_text():
            break
    expect(told).to_have_text("level 99\n")
    assert page.troubles == []


def test_the_sliders_and_buttons_of_the_playground_work(page, classic):
    run(page, classic, PLAYGROUND)
    draw = page.get_by_role("button", name="Draw", exact=True)
    draw.click()
    first = page.get_by_alt_text(re.compile("drawn from seed 1, coming up"))
    expect(first).to_be_visible()
    drawn = first.get_attribute("src")
    page.locator(".widget-slider").filter(has_text="seed").locator(".ui-slider-handle").press("ArrowRight")
    draw.click()
    second = page.get_by_alt_text(re.compile("drawn from seed 2, coming up"))
    expect(second).to_be_visible()
    assert second.get_attribute("src") != drawn
    assert page.troubles == []
