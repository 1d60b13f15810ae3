"""What TEACHING.md says of the notebooks is so."""

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEACHING = (ROOT / "TEACHING.md").read_text(encoding="utf-8")


def headings(path):
    """The section headings of a notebook."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return {heading for source in cells for heading in re.findall(r"^#{2,3} (.+)$", source, re.M)}


def test_every_heading_that_is_named_is_in_a_notebook():
    italics = set(re.findall(r"(?<![*\w])\*([^*\n]+)\*(?!\*)", TEACHING))  # headings and nothing else
    assert len(italics) > 30
    assert italics - set.union(*map(headings, PATHS)) == set()


def test_links_lead_to_files_and_to_papers_that_the_notebooks_cite():
    links = re.findall(r"\]\(([^)\s]+)\)", TEACHING)
    cited = "".join(path.read_text(encoding="utf-8") for path in PATHS)
    for link in links:
        if link.startswith("http"):
            assert link in cited
        elif link.startswith("#"):
            anchors = [
                re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
                for title in re.findall(r"^#+ (.+)$", TEACHING, re.M)
            ]
            assert link[1:] in anchors
        else:
            assert (ROOT / link).exists(), link
    assert len(links) > 10
