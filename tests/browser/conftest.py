"""Fixtures for tests in a real browser: `browser`, `page`, and `lab`, one JupyterLab for all of them.

A machine without a browser fails these tests instead of skipping them: a slider nobody has moved is not tested.
"""

import pytest
from playwright.sync_api import expect, sync_playwright

from tools.browser import HELP, PATIENCE, jupyterlab, launch

BADGE = '<svg xmlns="http://www.w3.org/2000/svg"/>'  # in place of Colab's own: no test needs the network
expect.set_options(timeout=PATIENCE / 2)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        try:
            started = launch(playwright)
        except Exception as error:
            pytest.fail(f"{error}\n\n{HELP}")
        yield started
        started.close()


@pytest.fixture(scope="session")
def lab():
    """A JupyterLab in which training is short and shown, as to a person, and which has a cache of its own."""
    with jupyterlab(INKDROP_STEPS="80", INKDROP_QUIET="0") as running:
        yield running


@pytest.fixture
def page(browser):
    """A fresh page; what goes wrong inside it is collected in `page.troubles`."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    context.set_default_timeout(PATIENCE)
    context.route(
        "https://colab.research.google.com/**", lambda route: route.fulfill(content_type="image/svg+xml", body=BADGE)
    )
    page = context.new_page()
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.troubles.append(f"{said.text} ({said.location})"))
    yield page
    context.close()


@pytest.fixture
def offline(page):
    """A page that reaches nothing but files."""
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    return page
