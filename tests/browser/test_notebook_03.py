"""Notebook 3 as a learner meets it: run from top to bottom in JupyterLab, then the playground by hand."""

import re
import shutil

from playwright.sync_api import expect

from tools.browser import ROOT, open_notebook, run_all

NOTEBOOK = ROOT / "notebooks" / "03_sampling.ipynb"
MINUTES = 60_000


def test_in_jupyterlab_from_the_first_cell_to_the_playground(page, lab):
    shutil.copy(NOTEBOOK, lab.folder)
    open_notebook(page, lab, NOTEBOOK.name)
    run_all(page, patience=12 * MINUTES)
    for title in ("From noise to Fred", "Fred is decided", "From Fred to Nancy"):
        expect(page.locator("figure.inkdrop").filter(has=page.get_by_text(title, exact=True))).to_have_count(1)

    kept = page.get_by_role("button", name="Keep the picture")
    kept.scroll_into_view_if_needed()
    expect(kept).to_be_disabled()
    page.get_by_role("button", name="Draw", exact=True).click()
    drawn = page.get_by_alt_text(re.compile("drawn from seed 1, coming up"))
    expect(drawn).to_be_visible(timeout=MINUTES)
    expect(kept).to_be_enabled()
    first = drawn.get_attribute("src")
    assert len(first) > 10_000  # a film, not a still

    page.locator(".widget-slider").filter(has_text="seed").get_by_role("slider").press("ArrowRight")
    page.get_by_role("button", name="Draw", exact=True).click()
    second = page.get_by_alt_text(re.compile("drawn from seed 2, coming up"))
    expect(second).to_be_visible(timeout=MINUTES)
    assert second.get_attribute("src") != first
    assert page.troubles == []
