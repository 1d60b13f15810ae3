"""The charts: they hold the numbers that they are given, and can be read without colour. Looks were judged by eye."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import schedule
from helpers.lesson import charts, charts_1, charts_2, charts_3, charts_6
from helpers.lesson.claims import wilson
from helpers.world import sprites

LEVEL = np.arange(0, 501, 10)


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


def test_walks_mark_the_middle_that_the_schedule_promises():
    sched = schedule.cosine()
    _, right = charts_1.walks([(np.ones(3), np.ones(3))] * 501, sched.alpha_bar).axes
    assert np.allclose(right.lines[-1].get_ydata(), sched.alpha_bar.sqrt())


def test_a_bell_lies_on_the_line_of_its_quantile_plot_and_nothing_else_does():
    normal = np.random.default_rng(0).standard_normal(20_000)
    fig = charts_1.bells({"a bell": normal, "flat": np.linspace(-1.7, 1.7, 20_000)})
    off = [np.abs(np.subtract(*(line.get_ydata() for line in ax.lines))).max() for ax in fig.axes[2:]]
    assert off[0] < 0.15 < 1 < off[1]


def test_villages_and_thresholds_mark_every_one_of_them():
    lost = {"99 %": np.array([100, 120, 200]), "50 %": np.array([150, 300, 310])}
    [ax] = charts_1.neighbours({"3": lost, "12": lost}).axes
    assert [len(line.get_xdata()) for line in ax.lines] == [3, 2] * 4
    assert [line.get_xdata()[0] for line in ax.lines[1::2]] == [120, 300, 120, 300]  # the middle ones
    assert [label.get_text() for label in ax.get_yticklabels()] == ["3", "12"]
    [ax] = charts_1.thresholds(lost | {"1 bit": np.array([480, 470, 490])}).axes
    by_sprite = [line.get_xdata() for line in ax.lines[3:]]
    assert [list(levels) for levels in by_sprite] == [[100, 120, 200], [150, 300, 310], [480, 470, 490]]
    assert "middle 120, from 100 to 200" in ax.get_legend().texts[0].get_text()


def test_one_number_marks_each_detail_and_lets_what_is_missing_be():
    distance2 = {"hat": np.array([90.0, np.nan]), "belt": np.array([3.0, 7.0])}
    lost = {"hat": np.array([430, 440]), "belt": np.array([170, 220])}
    hat, belt, alone = charts_1.one_number(distance2, lost, alone=np.linspace(1, 500, 500)).axes[0].lines
    assert list(belt.get_xdata()) == [3, 7] and list(belt.get_ydata()) == [170, 220]
    assert hat.get_marker() != belt.get_marker() and len(alone.get_ydata()) == 500


def test_the_tour_draws_every_stop_and_channels_without_contrast_too():
    shapes = (3, 16, 16), (64, 8, 8), (128, 4, 4), (64, 8, 8), (3, 16, 16)
    stops = {f"stop {k}": np.zeros(shape, np.float32) for k, shape in enumerate(shapes)}
    stops["stop 2"][7] = np.eye(4)
    images = charts_2.tour(stops, dict.fromkeys(stops, "words")).axes[0].images
    assert len(images) == 5
    assert (images[2].get_array() == np.eye(4)).all()  # of many channels, the one that differs most


def test_of_strangers_and_own_the_bars_add_up_to_all():
    [ax] = charts_2.followed({"hat": (0.9, 0.1), "boots": (0.2, 0.5)}).axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["boots", "hat"]
    assert [round(bar.get_width()) for bar in ax.patches] == [20, 90, 30, 0, 50, 10]


def test_a_floor_of_zero_is_not_drawn():
    floor = np.where(LEVEL < 200, 0, 0.1)
    [ax] = charts_2.by_level(LEVEL, floor, {"network": np.full(len(LEVEL), 0.2)}).axes
    drawn = ax.lines[0].get_ydata()
    assert np.isnan(drawn[LEVEL < 200]).all() and (drawn[LEVEL >= 200] == 0.1).all()


@pytest.mark.parametrize("n", [1, 30, 400])
def test_the_running_mean_of_the_loss_takes_what_there_is(n):
    mean = charts_2.falling(list(np.linspace(1, 0.5, n))).axes[0].lines[1]
    assert len(mean.get_xdata()) == n - min(50, n) + 1
    assert np.allclose(mean.get_ydata().mean(), 0.75 if n > 1 else 1)


def test_mix_draws_a_bar_a_band_and_a_diamond_for_each_option():
    frequencies = {
        "hat": {"none": (0.5, 0.4), "crown": (0.5, 0.6)},
        "view": {"front": (0.25, 0.5), "side": (0.75, 0.5)},
    }
    hat, view = charts_3.mix(frequencies, ["hat", "view"], n=40).axes
    assert [bar.get_width() for bar in hat.patches] == [50, 50] and list(hat.lines[0].get_xdata()) == [40, 60]
    assert [bar.get_width() for bar in view.patches] == [25, 75]
    (left, _), (right, _) = view.collections[0].get_segments()[0]
    assert (left, right) == pytest.approx([100 * share for share in wilson(10, 40)])


def test_the_band_of_all_valid_is_still_a_band():
    ax = charts_3.quality([1, 8], {"DDPM": [0, 48]}, n=48, enough=8, what="valid").axes[0]
    heights = ax.collections[0].get_paths()[0].vertices
    assert heights[:, 1].min() > -1e-9 and heights[:, 1].max() < 100 + 1e-9
    assert 90 < heights[heights[:, 0] == 8][:, 1].min() < 93


@pytest.mark.parametrize(("number", "row", "column"), [(1, 0, 0), (6, 1, 1), (16, 3, 3)])
def test_whoever_is_met_is_framed_among_the_others(number, row, column):
    sixteen = np.full((16, 16, 16, 3), 200, np.uint8)
    sheet = np.asarray(charts_3.meet(sixteen, number, sixteen[0], ("words", "two\nlines")))
    rows, columns = np.nonzero((sheet == np.array([209, 73, 91])).all(axis=-1))
    assert len(rows) > 500 and rows.max() - rows.min() == columns.max() - columns.min() == 69
    inside = sheet[rows.min() + 3 : rows.max() - 2, columns.min() + 3 : columns.max() - 2]
    assert inside.shape == (64, 64, 3) and (inside == 200).all()
    assert columns.min() // 60 == column and rows.min() // 80 == row


def test_lines_can_be_told_without_colour():
    marks = charts_1.thresholds({name: np.array([100, 200]) for name in ("99 %", "50 %", "1 bit")}).axes[0]
    assert len(set(looks(marks)[2:])) == 3
    three = {name: np.full(len(LEVEL), 0.1) for name in "abc"}
    for ax in (
        charts_2.by_level(LEVEL, np.zeros(len(LEVEL)), three).axes[0],
        charts_3.quality([1, 8, 64], {name: [0, 45, 58] for name in "abc"}, n=64, enough=8, what="valid").axes[0],
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
