"""Every lesson on a learner's own sprites, in sets that were drawn to be awkward: it runs from end to end."""

from pathlib import Path

import nbformat
import numpy as np
import pytest

from tools import notebooks

PATHS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
RNG = np.random.default_rng(0)


def coarse(n: int) -> np.ndarray:
    """n random pictures of 4×4 blocks."""
    small = RNG.integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)
    return small.repeat(4, axis=1).repeat(4, axis=2)


def flat(colours) -> np.ndarray:
    """A picture of each colour alone."""
    return np.asarray(colours, np.uint8).reshape(-1, 1, 1, 3).repeat(16, axis=1).repeat(16, axis=2)


def frames(n: int) -> np.ndarray:
    """An animation: a dot that moves over one picture, so that all are nearly alike."""
    film = coarse(1).repeat(n, axis=0)
    for k in range(n):
        film[k, k // 16, k % 16] ^= 128
    return film


SETS = {
    "four": coarse(4),
    "five": coarse(5),
    "very many": coarse(4610),
    "flat greys": flat([[128 + k] * 3 for k in range(5)]),
    "flat colours": flat([[40 * k, 0, 255 - 40 * k] for k in range(6)]),
    "nearly grey": RNG.integers(126, 130, (40, 16, 16, 3), dtype=np.uint8),
    "frames of an animation": frames(46),
    "noise": RNG.integers(0, 256, (40, 16, 16, 3), dtype=np.uint8),
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("own", SETS)
def test_the_lesson_runs_on_a_learners_own_sprites(path, own, tmp_path, monkeypatch):
    monkeypatch.setenv("INKDROP_STEPS", "30")
    monkeypatch.setenv("INKDROP_QUIET", "1")
    images, file = SETS[own], tmp_path / "own.npy"
    np.save(file, np.concatenate([images, images[:2]]))
    notebook = nbformat.read(path, as_version=4)
    parameters, load = (
        next(cell for cell in notebook.cells if text in cell.source) for text in ("MY_SPRITES = None", "sprites.load(")
    )
    parameters.source = parameters.source.replace("MY_SPRITES = None", f"MY_SPRITES = {str(file)!r}")
    notebooks.execute(notebook, path.parent)  # raises where a cell fails
    said = load.outputs[0].text
    assert f"{len(images):,} sprites" in said and "2" in said and "duplicate" in said
