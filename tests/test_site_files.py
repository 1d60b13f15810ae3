"""The files of the site: formulas are converted, links and facts come from where they belong, no build differs."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from helpers.world import sprites
from tools import notebooks, site

ROOT = Path(__file__).parent.parent
TEX = re.compile(r"\$|\\[a-zA-Z|{}]")


@pytest.fixture(scope="module")
def files():
    return site.site()


@pytest.fixture(scope="module")
def pages(files):
    return {name: content.decode() for name, content in files.items() if name.endswith(".html")}


def words(html: str) -> str:
    """The text of a page, without its code."""
    return unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style|pre|code)\b.*?</\1>", "", html, flags=re.S)))


# --- formulas ---------------------------------------------------------------------------------------------------------


def test_every_formula_is_converted(pages):
    for lesson in site.lessons():
        text = "\n\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
        text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
        formulas = re.findall(r"\$\$.+?\$\$|\$[^$]+\$", text, flags=re.S)
        assert pages[f"{lesson.name}.html"].count("<math") == len(formulas) > 0
    assert [name for name, page in pages.items() if TEX.search(words(page))] == []


def test_a_formula_that_is_not_converted_would_be_seen():
    assert TEX.search(words(site.markdown(r"costs $2")))
    assert TEX.search(words(site.markdown(r"$\unheardof_t$")))
    assert not TEX.search(words(site.markdown(r"$\bigl\|\bar\alpha_t\bigr\|$ and `$HOME`")))


# --- the files --------------------------------------------------------------------------------------------------------


def test_another_build_gives_the_same_bytes(files, tmp_path):
    command = [sys.executable, "-m", "tools.site", "--out", str(tmp_path / "new" / "site")]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {file.name: file.read_bytes() for file in (tmp_path / "new" / "site").iterdir()} == files
    assert "index.html" in said and str(tmp_path) not in said


def test_small_and_of_no_particular_machine(files, pages):
    assert sum(map(len, files.values())) < 12e6
    for page in pages.values():
        text = re.sub(r"[A-Za-z0-9+/=]{200,}", "", page)  # pictures
        assert not re.search(r"(?<![\w.:/])/(home|root|tmp|work|Users|usr|content)/", text)


def test_every_page_has_a_name_a_language_and_one_heading(pages):
    titles = [re.search(r"<title>(.+?)</title>", page)[1] for page in pages.values()]
    assert len(set(titles)) == len(pages) == len(site.lessons()) + 3
    for page in pages.values():
        assert '<html lang="en">' in page and page.count("<h1") == 1 and page.count('aria-current="page"') == 1


# --- what they show ---------------------------------------------------------------------------------------------------


def test_links_lead_to_pages_or_to_the_repository():
    assert site.address("02_training.ipynb#Train-it") == "02_training.html#Train-it"
    assert site.address("#Train-it") == "#Train-it"
    assert site.address("https://arxiv.org/abs/2006.11239") == "https://arxiv.org/abs/2006.11239"
    assert site.address("../sprites/README.md") == f"{site.REPOSITORY}/blob/main/sprites/README.md"


def test_a_badge_gives_way_to_its_words():
    badge = site.markdown("[![Open it](https://example.org/badge.svg)](https://example.org)")
    assert badge == '<p><a href="https://example.org">Open it</a></p>\n'


def test_preparations_are_left_out_and_exercises_kept():
    for lesson in site.lessons():
        tags = [tag for cell in lesson.cells for tag in cell.metadata.get("tags", [])]
        assert "bootstrap" not in tags and lesson.minutes.isdigit() and lesson.aims.count("\n") > 2
        if notebooks.finished(lesson):
            assert tags.count("exercise") > 0 and len(lesson.sections) > 4


def test_an_output_shows_its_html_before_its_picture_and_its_text():
    picture = '<figure><img src="data:," alt="a" width="200" style="max-width:100%"></figure>'
    both = {"data": {"text/html": picture, "image/png": "iVBO", "text/plain": "a"}}
    assert "min-width:120px" in site.shown(both) and "iVBO" not in site.shown(both)
    assert "<pre>a &lt; b</pre>" in site.shown({"text": "a < b"})
    assert "<pre>7</pre>" in site.shown({"data": {"text/plain": "7"}})


def test_the_cast_is_who_the_recipe_says(pages):
    world = sprites.load()
    members = {member["name"]: member for member in site.cast(world)}
    assert list(members) == list(world.cast)
    assert all(f'<h2 id="{name}">' in pages["cast.html"] for name in members)
    assert members["Bob"]["differs"] == [] and "In the training set" in members["Bob"]["figure"]
    assert "Not in the training set" in members["Fred"]["figure"]
    fred = world.describe(world.cast["Fred"])
    assert f"hair {fred['hair']}, hair colour {fred['hair_colour']}" in members["Fred"]["figure"]


def test_the_glossary_is_in_order_and_each_entry_leads_somewhere(pages):
    entries = re.findall(r'<dt id="(.+?)">.+?</dt>\s*<dd>(.+?)</dd>', pages["glossary.html"], flags=re.S)
    assert len(entries) > 40
    assert [term.lower() for term, _ in entries] == sorted(term.lower() for term, _ in entries)
    assert all(re.search(r'href="0\d_\w+\.html#', text) for _, text in entries)
