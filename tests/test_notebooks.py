"""Form and content of the committed notebooks: clean files, pictures described, exercises left open.

That every cell runs and every solution is right is nbval's part: `make test` has it run a rehearsal.
"""

import contextlib
import copy
import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import notebooks, rehearsal
from tools.classroom import tagged

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def test_there_are_notebooks():
    assert [path.name for path in PATHS][:1] == ["01_intuition_and_noising.ipynb"]


# --- the files ------------------------------------------------------------------------------------------------------


def problems(content: str, name: str) -> list[str]:
    """All that is wrong with the form of a notebook file."""
    notebook = nbformat.reads(content, as_version=4)
    found = []
    if len(content.encode()) > 3_000_000:
        found.append("over 3 MB")
    if "widgets" in notebook.metadata:
        found.append("metadata.widgets")
    if any(cell.metadata.keys() - {"tags", *notebooks.FOLDED} for cell in notebook.cells):
        found.append("cell metadata, such as timings")
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("another kernel's name")
    if notebooks.text(notebooks.normalise(nbformat.reads(content, as_version=4), name)) != content:
        found.append("not as `make notebooks` writes it")
    if re.search(r"(?<![\w.:/])/(home|root|tmp|work|Users|usr|content)/|\b[A-Z]:\\\\", json.dumps(strip(notebook))):
        found.append("an absolute path")
    cells = code_cells(notebook)
    if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
        found.append("cells not run once each, in order")
    for cell in cells:
        if "nbval-check-output" in cell.metadata.get("tags", []) and not cell.outputs:
            found.append(f"nbval would compare nothing in {cell.id}")
        found += [f"error output in {cell.id}" for output in cell.outputs if output.output_type == "error"]
        found += [f"stderr in {cell.id}" for output in cell.outputs if output.get("name") == "stderr"]
    return found


def strip(notebook):
    """The notebook without the data of its pictures, in which any letters can stand side by side."""
    content = notebook.copy()
    for output in outputs(content):
        output.get("data", {}).pop("image/png", None)
        if "text/html" in output.get("data", {}):
            html = output["data"]["text/html"]
            output["data"]["text/html"] = re.sub(r"[A-Za-z0-9+/=]{200,}", "", "".join(html))
    return content


@every_notebook
def test_the_file_is_clean(path):
    assert problems(path.read_text(encoding="utf-8"), path.stem) == []


@pytest.fixture(scope="module")
def small():
    """A small notebook that was run and normalised."""
    source = "import ipywidgets, sys; print('a'); print('b'); ipywidgets.IntSlider(3)"
    notebook = new_notebook(cells=[new_code_cell(source, metadata={"tags": ["nbval-check-output"]})])
    return notebooks.normalise(notebooks.execute(notebook, ROOT), "00_small")


def test_running_twice_changes_nothing(small):
    first = notebooks.text(small)
    assert problems(first, "00_small") == []
    again = notebooks.execute(copy.deepcopy(small), ROOT)
    assert notebooks.text(notebooks.normalise(again, "00_small")) == first


def test_a_notebook_that_breaks_the_form_is_found_out(small):
    def broken(change):
        notebook = copy.deepcopy(small)
        change(notebook)
        return problems(notebooks.text(notebook), "00_small")

    def cell(notebook):
        return notebook.cells[0]

    assert broken(lambda n: None) == []
    assert "metadata.widgets" in broken(lambda n: n.metadata.update(widgets={}))
    assert "cell metadata, such as timings" in broken(lambda n: cell(n).metadata.update(execution={"iopub": "now"}))
    assert "another kernel's name" in broken(lambda n: n.metadata.kernelspec.update(name="my-env"))
    assert "an absolute path" in broken(lambda n: cell(n).outputs[0].update(text="/home/someone/inkdrop"))
    assert "over 3 MB" in broken(lambda n: cell(n).outputs[0].update(text="x" * 3_000_000))
    assert "cells not run once each, in order" in broken(lambda n: cell(n).update(execution_count=4))
    assert "nbval would compare nothing in 00-001" in broken(lambda n: cell(n).update(outputs=[]))
    assert broken(lambda n: cell(n).outputs[0].update(name="stderr")) == ["stderr in 00-001"]
    assert broken(lambda n: cell(n).update(id="another")) == ["not as `make notebooks` writes it"]


# --- pictures -------------------------------------------------------------------------------------------------------


@every_notebook
def test_every_picture_has_a_caption_and_an_alternative_text(path):
    notebook = read(path)
    pictures = [output for output in outputs(notebook) if "image/png" in output.get("data", {})]
    assert len(pictures) >= (5 if notebooks.finished(notebook) else 1)
    for output in pictures:
        html = output["data"].get("text/html", "")
        assert re.search(r'<img [^>]*alt="[^"]{20,}"', html), output["data"].get("text/plain")
        assert re.search(r"<figcaption[^>]*>[^<]{20,}</figcaption>", html), output["data"].get("text/plain")


# --- exercises ------------------------------------------------------------------------------------------------------


def said(notebook) -> list[str]:
    """What the checks of the exercises said, in order."""
    return [cell.outputs[-1].data["text/plain"] for cell in tagged(notebook, "exercise")]


@every_notebook
def test_exercises_are_followed_by_their_solutions_and_end_in_a_check(path):
    notebook = read(path)
    exercises = tagged(notebook, "exercise")
    assert len(exercises) >= 4 or not notebooks.finished(notebook)
    for cell in exercises:
        after = notebook.cells[notebook.cells.index(cell) + 1]
        assert after.metadata.tags == ["solution"]
        assert cell.source.splitlines()[-1].startswith("checks.")
    assert all(not text.startswith("✓") for text in said(notebook))  # nothing is solved for the learner


# --- the rehearsal --------------------------------------------------------------------------------------------------


CHECKS = "from types import SimpleNamespace as N\nchecks = N(four=lambda n: N(passed=n == 4))"


@pytest.mark.parametrize(("answer", "accepted"), [("4", True), ("5", False)])
def test_a_rehearsal_goes_on_only_where_the_solution_is_accepted(answer, accepted):
    solution = f"<details><summary>Solution</summary>\n\n```python\nn = {answer}\n```\n\n</details>"
    notebook = new_notebook(
        cells=[
            new_code_cell(CHECKS),
            new_code_cell("n = ...\n\nchecks.four(n)", metadata={"tags": ["exercise"]}),
            new_markdown_cell(solution, metadata={"tags": ["solution"]}),
        ]
    )
    names = {}
    *cells, exercise, last = code_cells(rehearsal.rehearsed(notebook, last="print('the end')"))
    assert last.source == "print('the end')"
    for cell in cells:
        exec(cell.source, names)
    with contextlib.nullcontext() if accepted else pytest.raises(AssertionError):
        exec(exercise.source, names)


def test_a_rehearsal_is_of_the_tracked_files_as_they_are_now_and_cannot_be_written(tmp_path):
    copied = rehearsal.make(tmp_path)
    assert (copied / "pyproject.toml").read_bytes() == (ROOT / "pyproject.toml").read_bytes()
    assert not (copied / ".git").exists() and len(list((copied / "notebooks").glob("*.ipynb"))) == len(PATHS)
    assert [path for path in [copied, *copied.rglob("*")] if path.stat().st_mode & 0o222 and os.name != "nt"] == []
    rehearsal.make(tmp_path)  # again, over the old one
