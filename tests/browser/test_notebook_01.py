"""Notebook 1 as a learner meets it: run from top to bottom in JupyterLab, and exported to a page without a kernel."""

import shutil

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from helpers.world import sprites
from tools.browser import ROOT, open_notebook, pixels, run_all

NOTEBOOK = ROOT / "notebooks" / "01_intuition_and_noising.ipynb"
MINUTES = 60_000


def scrubber(page, title):
    return page.locator("figure.inkdrop").filter(has=page.get_by_text(title, exact=True))


def dissolves_by_mouse_and_keyboard(page):
    """Move the slider of the section "Bob dissolves" in every way; see Bob's own pixels go and come back."""
    figure = scrubber(page, "Bob dissolves")
    slider = figure.get_by_role("slider", name="noise level")
    slider.scroll_into_view_if_needed()
    world = sprites.load_world()
    bob = world.images[world.cast["Bob"]]
    assert (pixels(figure) == bob).all()

    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("1")
    change = np.abs(pixels(figure).astype(int) - bob)
    assert 0 < change.mean() < 10  # one level: a little

    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert 230 < int(slider.input_value()) < 270
    change = np.abs(pixels(figure).astype(int) - bob)
    assert change.mean() > 40  # half-way: a lot

    page.keyboard.press("Home")
    expect(slider).to_have_value("0")
    assert (pixels(figure) == bob).all()

    figure.get_by_role("button", name="play").click()
    page.wait_for_function("s => s.valueAsNumber > 20", arg=slider.element_handle())
    figure.get_by_role("button", name="pause").click()
    level, held = slider.input_value(), pixels(figure)
    page.evaluate("() => new Promise(done => setTimeout(done, 200))")  # ten levels' time
    assert slider.input_value() == level
    assert (pixels(figure) == held).all() and (held != bob).any()


def test_in_jupyterlab_from_the_first_cell_to_the_last(page, lab):
    shutil.copy(NOTEBOOK, lab.folder)
    open_notebook(page, lab, NOTEBOOK.name)
    run_all(page, patience=10 * MINUTES)
    for title in ("A drop of ink in a glass of water", "Bob dissolves", "Bob, and the best possible answer"):
        expect(scrubber(page, title)).to_have_count(1)
    dissolves_by_mouse_and_keyboard(page)
    assert page.troubles == []


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    html, _ = HTMLExporter().from_notebook_node(nbformat.read(NOTEBOOK, as_version=4))
    path = tmp_path_factory.mktemp("page") / "notebook.html"
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


def test_the_exported_page_slides_with_neither_kernel_nor_network(offline, exported):
    offline.goto(exported, wait_until="commit")
    dissolves_by_mouse_and_keyboard(offline)
    who = scrubber(offline, "Bob, and the best possible answer")
    who.get_by_role("slider").press("End")
    expect(who.locator(".words span").first).to_contain_text("no idea")
    expect(who.locator(".number span:first-child").first).to_have_text("0 %")
