"""The charts of notebook 2 are drawn, whatever reasonable numbers they get, and say what they show."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from helpers.lesson import charts_2 as figures


def texts(fig):
    return " ".join(text.get_text() for ax in fig.axes for text in ax.findobj(lambda a: hasattr(a, "get_text")))


def stops(rng):
    shapes = {"noisy": (3, 16, 16), "blocks": (12, 8, 8), "fine": (64, 8, 8), "coarse": (128, 4, 4)}
    shapes |= {"fine again": (64, 8, 8), "blocks again": (12, 8, 8), "guess": (3, 16, 16)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_the_tour_names_every_stop_and_its_shape():
    fig = figures.tour(stops(np.random.default_rng(0)))
    assert isinstance(fig, Figure)
    assert "coarse" in texts(fig) and "128 × 4 × 4" in texts(fig) and "skip" in texts(fig)
    fig.canvas.draw()


def test_a_channel_without_contrast_is_drawn_too():
    flat = {name: np.zeros_like(x) for name, x in stops(np.random.default_rng(0)).items()}
    figures.tour(flat).canvas.draw()


def test_a_tour_of_another_length_is_refused():
    with pytest.raises(ValueError, match="7 stops"):
        figures.tour({"noisy": np.zeros((3, 16, 16))})


@pytest.mark.parametrize("n", [1, 30, 400])
def test_falling(n):
    fig = figures.falling(list(np.geomspace(1, 0.01, n)))
    mean = fig.axes[0].lines[1]
    assert len(mean.get_xdata()) == n - min(50, n) + 1
    fig.canvas.draw()


def test_by_level_draws_the_floor_and_every_line_in_another_dash():
    level = np.arange(20, 501, 40)
    lines = {name: np.full(len(level), 0.1) for name in ("a", "b", "c", "d")}
    fig = figures.by_level(level, np.zeros(len(level)), lines)
    assert {"a", "b", "c", "d"} <= set(texts(fig).split())
    assert len({(line.get_linestyle(), line.get_marker()) for line in fig.axes[0].lines[1:]}) == 4
    fig.canvas.draw()
