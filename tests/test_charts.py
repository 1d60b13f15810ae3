"""The charts: they hold the numbers that they are given, and can be read without colour. Looks were judged by eye."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import schedule
from helpers.lesson import charts, charts_1, charts_2, charts_3, charts_6
from helpers.world import sprites

LEVEL = np.arange(0, 501, 10)
LEFT = {"view": 1.0 * (LEVEL < 400), "hair_colour": 1.0 * (LEVEL < 200)}
GONE = {"view": 400, "hair_colour": 200}


@pytest.fixture(autouse=True)
def drawn_and_closed():
    """Every chart that a test makes can be drawn."""
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    plt.close("all")


def looks(ax):
    """Of its lines: the dash and the marker of each."""
    return [(line.get_linestyle(), line.get_marker()) for line in ax.lines]


def test_details_point_at_the_hair_and_the_buckle():
    world = sprites.load_world()
    bob = world.cast["Bob"]
    hair, buckle, head, body = charts_1.details(world, bob).axes[0].texts
    assert hair.xy[1] < 8 < buckle.xy[1]  # rows count from the top: hair above, buckle below
    row, column = round(buckle.xy[1]), round(buckle.xy[0] + 0.4)
    red, green, blue = world.images[bob, row, column].astype(int)
    assert red > 150 and red > green > blue + 80  # gold
    assert head.get_position()[1] < body.get_position()[1]


def test_the_first_lost_is_on_top():
    fig = charts_1.lost(LEVEL, LEFT, GONE)
    assert [ax.get_ylabel() for ax in fig.axes] == ["hair colour", "view"]
    assert [ax.lines[0].get_xdata()[0] for ax in fig.axes] == [200, 400]


def test_survivors_lie_over_the_same_chart():
    kept, exact = {name: np.array([1, 0.3]) for name in LEFT}, {name: np.array([1, 0.2]) for name in LEFT}
    fig = charts_3.survivors(LEVEL, LEFT, GONE, [100, 400], kept, exact)
    assert [ax.get_ylabel() for ax in fig.axes] == ["hair colour", "view"]
    _, truth, dots = fig.axes[0].lines
    assert list(truth.get_ydata()) == [1, 0.2] and list(dots.get_ydata()) == [1, 0.3]


def test_walks_mark_the_middle_that_the_schedule_promises():
    sched = schedule.cosine()
    _, right = charts_1.walks([(np.ones(3), np.ones(3))] * 501, sched.alpha_bar).axes
    assert np.allclose(right.lines[-1].get_ydata(), sched.alpha_bar.sqrt())


def test_a_bell_lies_on_the_line_of_its_quantile_plot_and_nothing_else_does():
    normal = np.random.default_rng(0).standard_normal(20_000)
    fig = charts_1.bells({"a bell": normal, "flat": np.linspace(-1.7, 1.7, 20_000)})
    off = [np.abs(np.subtract(*(line.get_ydata() for line in ax.lines))).max() for ax in fig.axes[2:]]
    assert off[0] < 0.15 < 1 < off[1]


def test_verdicts_and_frequencies_are_drawn():
    starts = {"it's Bob": 0, "probably Bob": 180, "a person": 270, "no idea": 480}
    bands = charts_1.verdicts(LEVEL, 17 - LEVEL / 30, 17.0, starts).axes[0].patches
    assert [band.get_x() for band in bands] == [0, 180, 270, 480]
    bars = charts_1.frequencies(np.arange(1, 4), np.array([270, 200, 150])).axes[0].patches
    assert [bar.get_height() for bar in bars] == [270, 200, 150]


def test_the_tour_draws_every_stop_and_channels_without_contrast_too():
    shapes = (3, 16, 16), (12, 8, 8), (64, 8, 8), (128, 4, 4), (64, 8, 8), (12, 8, 8), (3, 16, 16)
    stops = {f"stop {k}": np.zeros(shape, np.float32) for k, shape in enumerate(shapes)}
    assert len(charts_2.tour(stops).axes[0].images) == 7


@pytest.mark.parametrize("n", [1, 30, 400])
def test_the_running_mean_of_the_loss_takes_what_there_is(n):
    mean = charts_2.falling(list(np.linspace(1, 0.5, n))).axes[0].lines[1]
    assert len(mean.get_xdata()) == n - min(50, n) + 1
    assert np.allclose(mean.get_ydata().mean(), 0.75 if n > 1 else 1)


def test_mix_draws_a_bar_and_a_diamond_for_each_option():
    frequencies = {"hat": {"none": (0.5, 0.4), "crown": (0.5, 0.6)}, "view": {"front": (0.3, 0.5), "side": (0.7, 0.5)}}
    hat, view = charts_3.mix(frequencies, ["hat", "view"]).axes
    assert [bar.get_width() for bar in hat.patches] == [50, 50] and list(hat.lines[0].get_xdata()) == [40, 60]
    assert [bar.get_width() for bar in view.patches] == [30, 70]


def test_decisions_are_dark_from_where_they_hold():
    level = [500, 400, 300, 200, 100, 0]
    options = {"belt": ["none", "plain", "none", "plain", "buckle", "buckle"], "hat": ["none"] + ["crown"] * 5}
    [ax] = charts_3.decisions(level, options, {"belt": 100, "hat": 400}, np.zeros((16, 16, 3), np.uint8)).axes
    dark = [bar for bar in ax.patches if bar.get_facecolor()[:3] < (0.5, 0.5, 0.5)]
    assert [(bar.get_x(), bar.get_width()) for bar in dark] == [(0, 400), (0, 100)]  # the first decided on top


def test_lines_can_be_told_without_colour():
    keep, add = looks(charts_1.weights(schedule.cosine().alpha_bar.numpy()).axes[0])
    predicted, measured = looks(charts_1.spread(np.arange(101), np.arange(101), np.arange(101)).axes[0])
    assert keep != add and predicted != measured
    three = {name: np.full(len(LEVEL), 0.1) for name in "abc"}
    for ax in (
        charts_2.by_level(LEVEL, np.zeros(len(LEVEL)), three).axes[0],
        charts_3.noise_left(LEVEL, np.ones(len(LEVEL)), three).axes[0],
        charts_3.quality([1, 8, 64], {name: np.array([0, 0.7, 0.9]) for name in "abc"}, n=64, enough=8).axes[0],
    ):
        assert len({look for look, line in zip(looks(ax), ax.lines, strict=True) if line.get_label() in three}) == 3


def test_shares_show_what_is_due_and_what_was_counted():
    due = {"hair": np.array([1.0, 0.9]), "skin": np.array([1.0, 0.5]), "belt": np.array([0.9, 0.2])}
    fig = charts.shares([100, 400], due, {name: [96, 40] for name in due}, 96, "level", "due", "counted")
    assert [ax.texts[0].get_text() for ax in fig.axes[:3]] == ["belt", "skin", "hair"]  # the first lost comes first
    line, dots = fig.axes[1].lines
    assert list(line.get_ydata()) == [100, 50] and np.allclose(dots.get_ydata(), [100, 100 * 40 / 96])
    band = fig.axes[1].collections[0].get_segments()[0]
    assert band[1][1] == pytest.approx(100) and 95 < band[0][1] < 97  # of 96 of 96 it does not vanish
    assert not fig.axes[3].axison


def test_three_questions_have_a_panel_each_and_none_where_nobody_knows():
    ways = {"even": charts_6.Answers(0.9, 0.1, 0.4, 256), "mine": charts_6.Answers(0.8, None, 0.5, 256)}
    valid, mix, same = charts_6.three_questions(ways).axes
    assert [bar.get_width() for bar in valid.patches] == [90, 80] and len(mix.patches) == 1
    assert [bar.get_width() for bar in same.patches] == [40, 50]
    assert str(ways["even"]) == "valid 90.0%, mix 10.0% off, same 40.0%" and "mix" not in str(ways["mine"])
    found = {"DDIM": [*ways.values()], "looking back": [*ways.values()]}
    for ax in charts_6.against_calls([4, 8], found).axes:
        assert len(set(looks(ax))) == 2
