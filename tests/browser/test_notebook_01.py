"""Notebook 1 as a reader meets it: exported to a page with neither kernel nor network, its sliders slide."""

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from helpers.world import sprites
from tools.browser import ROOT, pixels


@pytest.fixture
def exported(offline, tmp_path):
    notebook = nbformat.read(ROOT / "notebooks" / "01_intuition_and_noising.ipynb", as_version=4)
    (tmp_path / "notebook.html").write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    offline.goto((tmp_path / "notebook.html").as_uri(), wait_until="commit")
    return offline


def scrubber(page, title):
    return page.locator("figure.inkdrop").filter(has=page.get_by_text(title, exact=True))


def test_bob_dissolves_and_comes_back_and_who_it_is_ends_with_no_idea(exported):
    figure = scrubber(exported, "Bob dissolves")
    slider = figure.get_by_role("slider", name="noise level")
    world = sprites.load()
    bob = world.images[world.cast["Bob"]].astype(int)
    expect(slider).to_have_value("0")
    assert (pixels(figure) == bob).all()
    slider.press("ArrowRight")
    expect(slider).to_have_value("1")
    assert 0 < np.abs(pixels(figure) - bob).mean() < 10  # one level: a little
    slider.fill("250")
    assert np.abs(pixels(figure) - bob).mean() > 40  # half-way: a lot
    slider.press("Home")
    assert (pixels(figure) == bob).all()

    twelve = scrubber(exported, "Who of twelve is it?")
    expect(twelve.locator(".words span").first).to_contain_text("it's Bob")
    twelve.get_by_role("slider").press("End")
    expect(twelve.locator(".words span").first).to_contain_text("no idea")
    who = scrubber(exported, "Who of everybody is it?")
    who.get_by_role("slider").press("End")
    expect(who.locator(".words span").first).to_contain_text("no idea")
    expect(who.locator(".number span:first-child").first).to_have_text("0 %")
    ink = scrubber(exported, "A drop of ink in a glass of water")
    expect(ink.get_by_role("slider")).to_be_attached()
