"""The site as a reader meets it: from a folder. (tests/long/test_axe.py: can everybody read it?)"""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tools import notebooks, site

LESSONS = sorted(path.stem for path in notebooks.FOLDER.glob("*.ipynb"))
PAGES = ["index", *LESSONS, "cast", "glossary"]
WIDTHS = {"desktop": 1200, "phone": 390}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)
    return folder


def open_page(page, folder, name):
    """Open a page and wait for its sliders."""
    page.goto((folder / f"{name}.html").as_uri())
    for scrubber in page.locator("figure[class^=scrubber]").all():
        expect(scrubber.get_by_role("slider")).to_be_attached()


def faults(page, **only) -> list[str]:
    """What the accessibility checker calls serious or critical."""
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False, **only}).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in ("serious", "critical")]


def pixels(scrubber):
    return scrubber.locator("canvas").first.evaluate("c => c.toDataURL()")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_all_there_and_fits_a_phone(offline, folder, name):
    asked = []
    offline.on("request", lambda request: asked.append(request.url))
    offline.set_viewport_size({"width": WIDTHS["phone"], "height": 900})
    open_page(offline, folder, name)
    assert offline.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert offline.evaluate("[...document.images].filter(i => !i.alt.trim()).length") == 0
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert offline.troubles == []


def test_the_checker_finds_what_is_wrong(offline, folder):
    open_page(offline, folder, "index")
    assert faults(offline) == []
    offline.evaluate(
        """() => document.querySelector("main").insertAdjacentHTML("beforeend",
        '<img src="bob.png"><p style="color: #aaa; background: #fff">faint</p><pre style="width: 40px; overflow: auto">'
        + "long ".repeat(40) + "</pre>")"""
    )
    assert {fault.split(":")[0] for fault in faults(offline)} == {
        "image-alt",
        "color-contrast",
        "scrollable-region-focusable",
    }


def test_light_and_dark_differ(offline, folder):
    paper = "getComputedStyle(document.body).backgroundColor"
    open_page(offline, folder, "index")
    light = offline.evaluate(paper)
    offline.emulate_media(color_scheme="dark")
    assert offline.evaluate(paper) != light


def test_every_link_of_the_site_leads_somewhere(offline, folder):
    places, links = set(), set()
    for name in PAGES:
        offline.goto((folder / f"{name}.html").as_uri())
        ids = offline.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))
        places |= {(f"{name}.html", ""), *((f"{name}.html", i) for i in ids)}
        for path, mark in offline.evaluate(
            """[...document.links].filter(a => a.protocol == "file:")
            .map(a => [a.pathname.split("/").pop(), decodeURIComponent(a.hash.slice(1))])"""
        ):
            links.add((path, mark))
    assert len(links) > 50
    assert links - places == set()


@pytest.mark.parametrize("name", ["index", *LESSONS])
def test_sliders_slide_by_keyboard_and_animations_play(offline, folder, name):
    open_page(offline, folder, name)
    scrubbers = offline.locator("figure.inkdrop[class^=scrubber]")
    assert scrubbers.count() > 0
    for scrubber in scrubbers.all():
        slider, before = scrubber.get_by_role("slider"), pixels(scrubber)
        slider.press("Home")
        slider.press("PageUp")
        assert int(slider.input_value()) > 0
        assert pixels(scrubber) != before
    slider = scrubbers.first.get_by_role("slider")
    slider.press("Home")
    scrubbers.first.get_by_role("button", name="play").click()
    offline.wait_for_function("s => s.valueAsNumber > 3", arg=slider.element_handle())
    scrubbers.first.get_by_role("button", name="pause").click()


def test_the_keyboard_reaches_the_text_and_what_must_scroll(offline, folder):
    offline.set_viewport_size({"width": WIDTHS["phone"], "height": 900})
    open_page(offline, folder, LESSONS[0])
    offline.keyboard.press("Tab")
    expect(offline.get_by_role("link", name="Skip to the text")).to_be_focused()
    offline.keyboard.press("Enter")
    expect(offline.get_by_role("main")).to_be_focused()
    formula = offline.locator(".wide:has(math)").nth(1)
    expect(formula).to_have_attribute("tabindex", "0")
    formula.focus()
    offline.keyboard.press("ArrowRight")
    offline.wait_for_function("box => box.scrollLeft > 0", arg=formula.element_handle())
    offline.set_viewport_size({"width": WIDTHS["desktop"], "height": 900})
    expect(formula).to_have_attribute("tabindex", "-1")  # all of it can be seen: no stop on the way


def test_a_solution_stays_folded_until_it_is_asked_for(offline, folder):
    open_page(offline, folder, LESSONS[0])
    solution = offline.locator("details", has_text="Solution").first
    expect(solution.locator("pre")).to_be_hidden()
    solution.locator("summary").click()
    expect(solution.locator("pre")).to_be_visible()
    assert re.search(r"def \w+", solution.inner_text())
