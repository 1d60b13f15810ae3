"""Every lesson in a world whose recipe somebody has edited, as the README invites to: it runs from end to end."""

from pathlib import Path

import nbformat
import pytest

from tests.test_sprites import EDITS
from tools import notebooks, rehearsal

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("edit", EDITS)
def test_the_lesson_runs_in_an_edited_world(path, edit, tmp_path, monkeypatch):
    project = rehearsal.copy_of_the_project(tmp_path / "inkdrop")
    EDITS[edit](project / "sprites")
    for name, value in {"INKDROP_STEPS": "30", "INKDROP_QUIET": "1", "PYTHONPATH": str(project)}.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("print(world.known, world.shipped, helpers.__file__)"))
    notebook.cells[-1].source = f"import helpers; {notebook.cells[-1].source}"
    notebooks.execute(notebook, project / "notebooks")  # raises where a cell fails
    assert notebook.cells[-1].outputs[0].text.split() == ["True", "False", f"{project}/helpers/__init__.py"]
