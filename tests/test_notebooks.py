"""Form and content of the committed notebooks: clean files, pictures described, exercises that can be solved.

That every cell runs is nbval's part (`make test` runs it over notebooks/).
"""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools import notebooks
from tools.classroom import solved, tagged

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


def small_notebook(source="1 + 1", **metadata):
    notebook = new_notebook(cells=[new_code_cell(source, metadata=metadata)])
    return notebooks.normalise(notebooks.execute(notebook, ROOT), "00_small")


def test_running_twice_changes_nothing():
    once = small_notebook("import ipywidgets, sys; print('a'); print('b'); ipywidgets.IntSlider(3)")
    first = notebooks.text(once)
    assert problems(first, "00_small") == []
    assert notebooks.text(notebooks.normalise(notebooks.execute(once, ROOT), "00_small")) == first


def test_a_notebook_that_breaks_the_form_is_found_out():
    def broken(change):
        notebook = small_notebook("print(1)", tags=["nbval-check-output"])
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
    pictures = [output for output in outputs(read(path)) if "image/png" in output.get("data", {})]
    assert len(pictures) >= 5
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
    assert len(exercises) >= 4
    for cell in exercises:
        after = notebook.cells[notebook.cells.index(cell) + 1]
        assert after.metadata.tags == ["solution"]
        assert cell.source.splitlines()[-1].startswith("checks.")
    assert all(not text.startswith("✓") for text in said(notebook))  # nothing is solved for the learner


@pytest.fixture
def quick(monkeypatch):
    """Notebook 2 trains for a few steps only. At full length nbval runs it."""
    monkeypatch.setenv("INKDROP_STEPS", "30")


@every_notebook
def test_every_solution_is_accepted_where_it_stands(path, quick):
    notebook = notebooks.execute(solved(read(path)), path.parent)
    assert [text.split()[0] for text in said(notebook)] == ["✓"] * len(said(notebook)), said(notebook)


def coarse_patterns(n):
    """Random pictures of 4×4 blocks."""
    small = np.random.default_rng(0).integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)
    return small.repeat(4, axis=1).repeat(4, axis=2)


@every_notebook
@pytest.mark.parametrize("n", [4, 40])
def test_the_lesson_runs_on_a_learners_own_sprites(path, tmp_path, n, quick):
    own = coarse_patterns(n)
    np.save(tmp_path / "own.npy", np.concatenate([own, own[:2]]))
    notebook = read(path)
    first = next(cell for cell in code_cells(notebook) if "MY_SPRITES = None" in cell.source)
    first.source = first.source.replace("MY_SPRITES = None", f"MY_SPRITES = {str(tmp_path / 'own.npy')!r}")
    notebook = notebooks.execute(notebook, path.parent)
    assert f"Loaded {n} sprites; 2 duplicates were dropped" in first.outputs[0].text
    assert not [output for output in outputs(notebook) if output.output_type == "error"]
