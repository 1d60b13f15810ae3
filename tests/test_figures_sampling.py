"""The charts of notebook 3: what they show and say; how they look was judged by eye."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers.lesson import charts_3 as figures


@pytest.fixture(autouse=True)
def close_all():
    yield
    plt.close("all")


def sprites(n, seed=0):
    return np.random.default_rng(seed).integers(0, 200, (n, 16, 16, 3), dtype=np.uint8)


def words(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts if text.get_text()]


def places(sheet, sprite, scale):
    """Where a sprite stands in a picture, pixel for pixel: (x, y) of its corner, for each time it is found."""
    pixels, big = np.asarray(sheet), sprite.repeat(scale, axis=0).repeat(scale, axis=1)
    size = len(big)
    corners = np.argwhere((pixels == big[0, 0]).all(axis=-1))
    fits = [(y, x) for y, x in corners if np.array_equal(pixels[y : y + size, x : x + size], big)]
    return [(int(x), int(y)) for y, x in fits]


def test_beside_shows_each_pair_exactly_left_and_right():
    left, right = sprites(5, seed=1), sprites(5, seed=2)
    sheet = figures.beside(left, right, ["Fred: new\nhair", "new\nbelt", "a copy", "new", "new"], columns=2, scale=2)
    for one, other in zip(left, right, strict=True):
        [(x, y)], [(x2, y2)] = places(sheet, one, 2), places(sheet, other, 2)
        assert y == y2 and x + 32 < x2
    [(_, first)], [(_, last)] = places(sheet, left[0], 2), places(sheet, left[4], 2)
    assert last > first + 2 * 32  # two pairs a row, so the fifth is in the third row


def test_rows_show_every_sprite_in_its_own_row():
    strips = {"a bell curve": sprites(4, seed=1), "too much": sprites(4, seed=2), "fewer": sprites(2, seed=3)}
    sheet = figures.rows(strips, {"too much": "45% valid"})
    heights = []
    for strip in strips.values():
        corners = [places(sheet, sprite, 3)[0] for sprite in strip]
        assert len({y for _, y in corners}) == 1 and corners == sorted(corners)
        heights.append(corners[0][1])
    assert heights == sorted(set(heights))
    assert sheet.width > figures.rows(strips).width  # room for the note


def test_mix_draws_a_bar_and_a_diamond_for_each_option():
    frequencies = {"hat": {"none": (0.5, 0.4), "crown": (0.5, 0.6)}, "view": {"front": (0.3, 0.5), "side": (0.7, 0.5)}}
    hat, view = figures.mix(frequencies, ["hat", "view"]).axes
    assert [bar.get_width() for bar in hat.patches] == [50, 50] and list(hat.lines[0].get_xdata()) == [40, 60]
    assert [bar.get_width() for bar in view.patches] == [30, 70] and view.lines[0].get_marker() == "D"
    [one] = figures.mix(frequencies, ["view"]).axes
    assert one.get_title(loc="left") == "view"


def test_quality_marks_where_more_steps_stop_helping():
    fig = figures.quality([1, 10, 50], {"DDPM": [0, 0.7, 0.9], "DDIM": [0, 0.6, 0.8]}, n=64, enough=10)
    ddpm, ddim, mark = fig.axes[0].lines
    assert list(ddpm.get_ydata()) == [0, 70, 90]
    assert ddpm.get_linestyle() != ddim.get_linestyle() and ddpm.get_marker() != ddim.get_marker()
    assert mark.get_xdata()[0] == 10 and "from 10 steps on" in words(fig)[0]
    assert words(figures.quality([1, 10], {"DDPM": [0, 0.7]}, n=64)) == []


def test_noise_left_can_be_read_without_colour():
    level = [500, 250]
    lines = figures.noise_left(level, np.ones(2), {"a": np.ones(2), "b": np.zeros(2), "c": np.ones(2)}).axes[0].lines
    assert [line.get_label() for line in lines] == ["what the level promises", "a", "b", "c"]
    assert len({line.get_linestyle() for line in lines[1:]}) == 3


def test_survivors_lay_dots_over_the_chart_of_notebook_1():
    level, tried = np.arange(0, 501, 20), [100, 400]
    left = {"view": 1.0 * (level < 400), "hair_colour": 1.0 * (level < 200)}
    kept, exact = {n: np.array([1, 0.3]) for n in left}, {n: np.array([1, 0.2]) for n in left}
    fig = figures.survivors(level, left, {"view": 400, "hair_colour": 200}, tried, kept, exact)
    assert [ax.get_ylabel() for ax in fig.axes] == ["hair colour", "view"]  # first lost on top
    assert words(fig) == ["t = 200", "t = 400"]
    gone, truth, dots = fig.axes[0].lines
    assert gone.get_xdata()[0] == 200
    assert list(truth.get_ydata()) == [1, 0.2] and truth.get_linestyle() == "--"
    assert list(dots.get_ydata()) == [1, 0.3] and dots.get_marker() == "o"


def test_decisions_are_dark_from_where_they_hold():
    level = [500, 400, 300, 200, 100, 0]
    said = {"belt": ["none", "plain", "none", "plain", "buckle", "buckle"], "hat": ["none"] + ["crown"] * 5}
    fig = figures.decisions(level, said, {"belt": 100, "hat": 400}, sprites(1)[0])
    [ax] = fig.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["hat (400)", "belt (100)"]  # first decided on top
    dark = [bar for bar in ax.patches if bar.get_facecolor()[:3] < (0.5, 0.5, 0.5)]
    assert [(bar.get_x(), bar.get_width()) for bar in dark] == [(0, 400), (0, 100)]
    assert words(fig)[1] == "crown" and words(fig)[-1] == "buckle"
