"""What a lesson claims holds for other seeds too: each is run whole with two of them."""

import nbformat
import pytest

from tools import notebooks

PATHS = sorted(notebooks.FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_claim_holds_with_another_seed(path, seed, tmp_path, monkeypatch):
    settings = {"INKDROP_SEED": str(1000 * seed), "INKDROP_STRICT": "1", "INKDROP_QUIET": "1"}
    for name, value in {**settings, "INKDROP_CACHE": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(path, as_version=4)
    assert any("INKDROP_SEED" in cell.source for cell in notebook.cells)
    notebooks.execute(notebook, path.parent)
