"""A lesson takes as long as it says, and is short: its time is reckoned, its cells and visible lines are counted."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import notebooks, reckoning

PATHS = sorted(notebooks.FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_lesson_is_short_and_says_how_long_it_takes(path):
    notebook = nbformat.read(path, as_version=4)
    found = reckoning.reckon(notebook, reckoning.RUNNING[path.stem])
    assert found.minutes == pytest.approx(reckoning.stated(notebook), rel=0.1)
    assert found.minutes <= 60 and found.cells <= 60 and found.lines <= 150 and found.longest <= 12
    assert found.exercises <= 5


def test_what_is_folded_is_not_read_and_what_slides_takes_a_minute():
    caption = "<figure><figcaption>four words of caption</figcaption></figure>"
    slider = new_output("display_data", {"text/plain": "Scrubber: Bob", "text/html": caption})
    solution = "<details><summary>Solution</summary>\n\nmany words that nobody need read\n</details>"
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Two words\n\n**Predict first.** [a link](https://example.org)"),
            new_code_cell("# @title Draws\nx = 1\ny = 2", outputs=[slider]),
            new_code_cell("a = 1\n\nb = 2\nc = 3", metadata={"tags": ["exercise"]}),
            new_markdown_cell(solution, metadata={"tags": ["solution"]}),
        ]
    )
    found = reckoning.reckon(notebook, running=2)
    assert (found.cells, found.words, found.lines, found.longest) == (4, 10, 3, 3)
    assert (found.exercises, found.predictions, found.sliders) == (1, 1, 1)
    assert found.minutes == pytest.approx(10 / 200 + 3 * 0.1 + 5 + 1 + 1 + 2)
