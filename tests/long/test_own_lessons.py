"""Every lesson on a learner's own sprites, in numbers for which nothing was made: it runs from end to end."""

from pathlib import Path

import nbformat
import numpy as np
import pytest

from tools import notebooks

PATHS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def coarse(n: int) -> np.ndarray:
    """n random pictures of 4×4 blocks."""
    small = np.random.default_rng(0).integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)
    return small.repeat(4, axis=1).repeat(4, axis=2)


SETS = {"four": coarse(4), "five": coarse(5), "forty": coarse(40)}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("own", SETS)
def test_the_lesson_runs_on_a_learners_own_sprites(path, own, tmp_path, monkeypatch):
    monkeypatch.setenv("INKDROP_STEPS", "30")
    images, file = SETS[own], tmp_path / "own.npy"
    np.save(file, np.concatenate([images, images[:2]]))
    notebook = nbformat.read(path, as_version=4)
    (first,) = (cell for cell in notebook.cells if "MY_SPRITES = None" in cell.source)
    first.source = first.source.replace("MY_SPRITES = None", f"MY_SPRITES = {str(file)!r}")
    notebooks.execute(notebook, path.parent)  # raises where a cell fails
    assert f"Loaded {len(images)} sprites; 2 duplicates were dropped" in first.outputs[0].text
