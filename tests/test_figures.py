"""The charts: what they point at and say; how they look was judged by eye."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import schedule
from helpers.lesson import charts_1 as figures
from helpers.world import sprites


@pytest.fixture(autouse=True)
def close_all():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def world():
    return sprites.load_world()


def words(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_details_point_at_the_hair_and_the_buckle(world):
    bob = world.cast["Bob"]
    fig = figures.details(world, bob)
    assert words(fig) == ["the colour of the hair", "a buckle", "a head", "a body"]
    hair, buckle, head, body = fig.axes[0].texts
    assert hair.xy[1] < 8 < buckle.xy[1]  # rows count from the top: hair above, buckle below
    row, column = round(buckle.xy[1]), round(buckle.xy[0] + 0.4)
    red, green, blue = world.images[bob, row, column].astype(int)
    assert red > 150 and red > green > blue + 80  # gold
    assert head.get_position()[1] < body.get_position()[1]


def test_a_learners_own_sprite_has_no_arrows():
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    own = sprites.World(images, {}, {}, {"Bob": 0, "Nancy": 1, "Fred": 2}, known=False, n_train=4, seed=0)
    assert words(figures.details(own, 0)) == []


def test_verdicts_name_each_band_and_where_it_begins():
    level = np.arange(0, 501, 10)
    starts = {"it's Bob": 0, "probably Bob": 180, "a person": 270, "no idea": 480}
    said = words(figures.verdicts(level, 17 - level / 30, 17.0, starts))
    assert said == ["it's Bob", "probably Bob", "t = 180", "a person", "t = 270", "no idea", "t = 480"]


def test_lost_puts_what_goes_first_on_top():
    level = np.arange(0, 501, 10)
    fig = figures.lost(level, {"view": level < 400, "hair_colour": level < 200}, {"view": 400, "hair_colour": 200})
    assert [ax.get_ylabel() for ax in fig.axes] == ["hair colour", "view"]
    assert words(fig) == ["t = 200", "t = 400"]


def test_walks_mark_the_spread_that_the_schedule_promises():
    sched = schedule.cosine()
    paths = [(np.ones(3), np.ones(3))] * 501
    left, right = figures.walks(paths, sched.alpha_bar).axes
    assert len(left.lines) == 3 and len(right.lines) == 3 + 2  # the middle, and the legend's patch
    assert np.allclose(right.lines[3].get_ydata(), sched.alpha_bar.sqrt())


def test_weights_cross_where_both_are_equal():
    keep, add = figures.weights(schedule.cosine().alpha_bar.numpy()).axes[0].lines
    crossing = np.argmin(np.abs(keep.get_ydata() - add.get_ydata()))
    assert keep.get_ydata()[crossing] == pytest.approx(0.5**0.5, abs=0.01)


def test_bells_draw_a_histogram_and_a_quantile_plot_for_each_sample():
    normal = np.random.default_rng(0).standard_normal(20_000)
    fig = figures.bells({"a bell": normal, "flat": np.linspace(-1.7, 1.7, 20_000)})
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["a bell", "flat", "", ""]
    distances = [np.abs(np.subtract(*(line.get_ydata() for line in ax.lines))).max() for ax in fig.axes[2:]]
    assert distances[0] < 0.15 < 1 < distances[1]


def test_every_line_of_a_chart_can_be_told_without_colour():
    predicted, measured = figures.spread(np.arange(101), np.arange(101), np.arange(101)).axes[0].lines
    assert (predicted.get_linestyle(), measured.get_marker()) == ("--", "o")
    keep, add = figures.weights(schedule.cosine().alpha_bar.numpy()).axes[0].lines
    assert keep.get_linestyle() != add.get_linestyle()


def test_frequencies_say_their_level():
    said = words(figures.frequencies(np.arange(1, 4), np.array([270, 200, 150])))
    assert said == ["t = 270", "t = 200", "t = 150"]
