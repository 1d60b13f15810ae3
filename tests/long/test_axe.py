"""Can everybody read the site? A checker of accessibility over every page, on a desk and a phone, light and dark."""

import pytest

from tests.browser.test_site import PAGES, WIDTHS, faults, folder, open_page  # noqa: F401 (folder is a fixture)


def one_of_each_colour(page) -> None:
    """Thousands of words of code share a few colours: to check every one takes minutes, and finds no more."""
    page.evaluate(
        """() => { const seen = new Set();
        for (const word of document.querySelectorAll(".highlight span"))
          seen.has(word.className) ? word.replaceWith(word.textContent) : seen.add(word.className); }"""
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_readable_for_all_in_light_and_dark(offline, folder, name, width):  # noqa: F811
    offline.set_viewport_size({"width": WIDTHS[width], "height": 900})
    open_page(offline, folder, name)
    assert offline.evaluate("document.documentElement.scrollWidth <= innerWidth")
    one_of_each_colour(offline)
    for scheme in ("light", "dark"):
        offline.emulate_media(color_scheme=scheme)
        assert faults(offline) == [], scheme
