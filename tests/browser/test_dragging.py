"""The plane as a learner meets it, and what its script reckons beside what `ideal` and `sampler` say."""

import json

import nbformat
import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from helpers import sampler, schedule
from helpers.lesson import plane
from tools.browser import open_notebook, run_all

SCHED = schedule.cosine()
WORDS = {"caption": "Drag the dot.", "alt": "A village of twelve."}
PAGE = '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><body {body}>{html}'
# Runs in the page: many walks through the script's own functions, and how many end with each person.
ENDS = """(el, [n, steps, rest, first, weights]) => {
    const { walk, ladder, normal, who } = el.plane;
    const village = { ...el.plane.village, weights };
    const counts = village.places.map(() => 0);
    for (let i = 0; i < n; i++) {
        const noise = (level) => normal(0, i, level);
        const end = walk(village, noise(500), ladder(500, steps), { rest, first }, noise).at(-1);
        if (who(village, end) >= 0) counts[who(village, end)]++;
    }
    return counts;
}"""


def made(village, **options):
    """The plane's HTML."""
    return plane.output(village, **WORDS | options)[0]["text/html"]


@pytest.fixture(scope="module")
def dozen():
    return plane.dozen()


@pytest.fixture(scope="module")
def script(browser, dozen):
    """A figure that is only asked for numbers."""
    page = browser.new_page()
    page.set_content(made(dozen))
    page.wait_for_function("document.querySelector('figure').plane")
    yield page.locator("figure")
    page.close()


@pytest.fixture
def put(offline, tmp_path, dozen):
    """put(**options): a page with nothing but a plane; returns the figure once it lives. Walks are there at once."""

    def put(body="", motion="reduce", **options):
        offline.emulate_media(reduced_motion=motion)
        html = PAGE.format(body=body, html=made(dozen, **options))
        (tmp_path / "plane.html").write_text(html, encoding="utf-8")
        offline.goto((tmp_path / "plane.html").as_uri())
        figure = offline.locator("figure.inkdrop")
        figure.locator(".face").nth(11).wait_for()
        settle(offline)
        return figure

    return put


def settle(page):
    """Two animation frames: what was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def press(figure, name):
    """Press a button by its name."""
    figure.get_by_role("button", name=name, exact=True).click()
    settle(figure.page)


def state(figure, name):
    return figure.evaluate("(el, name) => el.plane.now[name]", name)


# ---- it is right ----


def test_posterior_and_best_answer_are_those_of_ideal(script, dozen):
    uneven = dozen.weigh(Bob=3, Lou=0)
    ask = "(el, [xs, t, weights]) => xs.map(x => el.plane.answer({ ...el.plane.village, weights }, x, t))"
    levels = [1, 5, 40, 120, 250, 400, 500]
    xt = torch.randn(len(levels) * 8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for t, points in zip(levels, xt.split(8), strict=True):
        said = script.evaluate(ask, [points.tolist(), t, uneven.weights])
        p = plane.posterior(uneven, points, t, SCHED)
        best = plane.denoiser(uneven, SCHED)(points[:, None, None], t)[:, 0, 0]
        assert np.abs(np.array([one["p"] for one in said]) - p.numpy()).max() < 1e-5
        assert np.abs(np.array([one["best"] for one in said]) - best.numpy()).max() < 1e-5


def test_asking_is_that_of_python(script, dozen):
    xt = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    asked = dozen.only("Bob", "Zuri", "Sam")
    for w in (0, 1, 4):
        best = plane.denoiser(dozen, SCHED, asked=asked, w=w)(xt[:, None, None], 350)[:, 0, 0]
        said = script.evaluate(
            """(el, [xs, asked, w]) => xs.map(x => el.plane.answer({ ...el.plane.village, asked, w }, x, 350).best)""",
            [xt.tolist(), [bool(weight) for weight in asked.weights], w],
        )
        assert np.abs(np.array(said) - best.numpy()).max() < 1e-5


@pytest.mark.parametrize("first", [None, "forgotten", "fresh"])
@pytest.mark.parametrize("rest", plane.WAYS)
def test_walks_from_given_noise_are_those_of_the_sampler(script, dozen, rest, first):
    n, levels = 6, sampler.levels(500, 40)
    start = torch.randn(n, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    right = plane.walks(dozen, SCHED, start, levels, torch.Generator().manual_seed(2), rest=rest, first=first)
    g = torch.Generator().manual_seed(2)  # as it is drawn in Python: for all walkers, step by step, where it is needed
    hows = [first or rest] + [rest] * (len(levels) - 2)
    drawn = [torch.randn(n, 2, generator=g, dtype=torch.float64).tolist() for how in hows if how == "fresh"]
    for i in range(n):
        path = script.evaluate(
            """(el, [x, levels, rest, first, noise]) =>
            el.plane.walk(el.plane.village, x, levels, { rest, first }, () => noise.shift())""",
            [start[i].tolist(), levels, rest, first, [each[i] for each in drawn]],
        )
        assert np.abs(np.array(path) - right[:, i].numpy()).max() < 1e-5


def test_levels_are_those_of_the_sampler(script):
    pairs = [(500, 50), (500, 7), (429, 6), (500, 499), (3, 2), (1, 1), (375, 250)]
    said = script.evaluate("(el, pairs) => pairs.map(([start, steps]) => el.plane.ladder(start, steps))", pairs)
    assert said == [sampler.levels(*pair) for pair in pairs]
    squares = [round(500 * (k / 5) ** 2) for k in range(5, -1, -1)]
    assert script.evaluate("el => el.plane.ladder(500, 5, true)") == squares == [500, 320, 180, 80, 20, 0]


def test_the_noise_is_normal_and_the_same_for_the_same_seed(script):
    draw = """(el, [seed, walkers]) => Array.from({ length: walkers }, (_, i) => {
        return [0, 1, 2].map((level) => el.plane.normal(seed, i, level)).flat();
    })"""
    values = np.array(script.evaluate(draw, [0, 5000]))
    assert abs(values.mean()) < 0.02 and abs(values.var() - 1) < 0.03
    assert abs(np.mean(np.abs(values) < 0.6745) - 0.5) < 0.01 and 3.5 < np.abs(values).max() < 6
    assert np.abs(np.corrcoef(values.T) - np.eye(6)).max() < 0.05, "numbers of one walk tell nothing of one another"
    assert np.abs(np.corrcoef(values[:-1, 0], values[1:, 0])[0, 1]) < 0.05, "nor do neighbouring walks"
    assert (np.array(script.evaluate(draw, [0, 5])) == values[:5]).all()
    assert not np.isin(np.array(script.evaluate(draw, [1, 5])), values).any()


@pytest.mark.parametrize("rest", ["fresh", "none"])
def test_2000_walks_reach_everybody_as_often_as_they_should(script, dozen, rest):
    uneven = dozen.weigh(Bob=4, Zuri=0)
    counts = script.evaluate(ENDS, [2000, 100, rest, None, uneven.weights])
    assert sum(counts) >= 1998
    shares = np.array(uneven.weights) / sum(uneven.weights)
    assert plane.chance(dict(zip(dozen.names, counts, strict=True)), shares) > 0.01
    assert plane.chance(dict(zip(dozen.names, counts, strict=True)), np.ones(12) / 12) < 1e-9
    z = script.evaluate("(el, both) => el.plane.surprise(...both)", [counts, shares.tolist()])
    assert z < 2.33


def test_forgotten_noise_ends_where_python_says(script):
    """As among sprites the first step alone leaves one person. All others alone leave 4 of 12, where sprites stay 48 of
    48: tests/test_plane.py shows that it depends on who lives near the middle."""

    def people(first, rest):
        return sum(count > 0 for count in script.evaluate(ENDS, [200, 50, rest, first, [1] * 12]))

    assert people(None, "fresh") == people(None, "none") == 12
    assert people("forgotten", "none") == people("forgotten", "forgotten") == 1
    assert people("forgotten", "fresh") == 12
    assert 2 <= people("fresh", "forgotten") <= 5


def test_the_verdict_of_chance_is_that_of_python(script):
    rng = np.random.default_rng(0)
    shares = np.array([0.4, 0.3, 0.2, 0.07, 0.03, 0.0])
    for strength in (0, 0.1, 0.2, 0.4):
        other = (1 - strength) * shares + strength * np.array([0.0, 1, 0, 0, 0, 0])
        counts = rng.multinomial(200, other)
        z = script.evaluate("(el, both) => el.plane.surprise(...both)", [counts.tolist(), shares.tolist()])
        p = plane.chance(dict(enumerate(counts.tolist())), shares)
        assert abs(p - 0.5 * torch.special.erfc(torch.tensor(z / 2**0.5)).item()) < 0.01


# ---- it can be taken hold of ----


def test_dragging_says_who_it_is_and_arrow_keys_move_as_well(put, dozen):
    figure = put(level=40)
    expect(figure.locator(".words")).to_have_text("It is Bob.")
    point = figure.get_by_role("button", name="the noisy point")
    nancy = figure.get_by_role("button", name="Nancy").bounding_box()
    box, page = point.bounding_box(), figure.page
    page.mouse.move(box["x"] + 22, box["y"] + 22)
    page.mouse.down()
    page.mouse.move(nancy["x"] + 26, nancy["y"] + 24, steps=5)
    page.mouse.up()
    expect(figure.locator(".words")).to_have_text("It is Nancy.")
    expect(figure.get_by_role("button", name="Nancy 100 %")).to_be_visible()
    expect(figure.get_by_role("status")).to_have_text("Level 40 of 500. It is Nancy. Nancy 100 %")
    assert np.allclose(state(figure, "point"), dozen.places[2], atol=0.05)
    page.mouse.move(100, 100)  # let go of: it does not follow
    assert np.allclose(state(figure, "point"), dozen.places[2], atol=0.05)
    x, y = state(figure, "point")
    point.press("ArrowRight")
    point.press("Shift+ArrowDown")
    assert np.allclose(state(figure, "point"), [x + 0.05, y - 0.3])


def test_the_level_moves_everybody_but_the_noise_on_bob_is_held(put, dozen):
    figure = put(level=0)
    slider = figure.get_by_role("slider", name="noise level")
    for t in (0, 250, 500):
        slider.fill(str(t))
        a = SCHED.alpha_bar[t].item()
        due = [a**0.5 * x + (1 - a) ** 0.5 * e for x, e in zip(dozen.places[0].tolist(), plane.NOISE, strict=True)]
        assert np.allclose(state(figure, "point"), due, atol=1e-6)
    settle(figure.page)
    expect(figure.locator(".words")).to_have_text("No idea: it may be anybody.")
    slider.press("ArrowLeft")
    assert state(figure, "level") == 499


def test_the_average_is_drawn_as_it_is(put, dozen):
    figure = put(level=500)
    read = "c => [...c.getContext('2d').getImageData(0, 0, 16, 16).data]"
    drawn = np.array(figure.locator(".best canvas").evaluate(read)).reshape(16, 16, 4)[8, 8, :3]
    assert np.abs(drawn - dozen.faces[:, 8, 8].mean(axis=0)).max() < 3, "the fog of all twelve"
    figure.get_by_role("slider", name="noise level").fill("5")
    settle(figure.page)
    drawn = np.array(figure.locator(".best canvas").evaluate(read)).reshape(16, 16, 4)[8, 8, :3]
    assert np.abs(drawn.astype(int) - dozen.faces[0, 8, 8]).max() < 3, "Bob himself"


def test_walks_by_keyboard_alone(put):
    figure = put()
    page = figure.page
    order = ["the noisy point: arrow keys move it", "play from level 0 to the last", "noise level"]
    order += ["New noise", "One jump", "A step down", "All the way", "200 at once", "Clear"]
    for name in order:
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent")
        assert focused == name
    figure.get_by_role("button", name="New noise").focus()
    page.keyboard.press("Enter")
    assert state(figure, "level") == 500
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # one jump
    page.wait_for_function("el => el.plane.now.level === 0", arg=figure.element_handle())
    expect(figure.locator(".words")).to_have_text("Nobody lives here.")
    assert np.abs(state(figure, "point")).max() < 0.05, "fog: the middle of all"


def test_steps_by_hand_are_the_walk(put):
    figure = put(steps=8)
    press(figure, "New noise")
    for level in (438, 375, 312):
        press(figure, "A step down")
        assert state(figure, "level") == level
    press(figure, "All the way")
    by_hand = state(figure, "point")
    figure.get_by_text("How to walk").click()
    figure.get_by_label("seed").fill("0")
    press(figure, "New noise")
    press(figure, "All the way")
    assert state(figure, "point") == by_hand and state(figure, "level") == 0
    assert len(state(figure, "paths")) == 5
    press(figure, "Clear")
    assert state(figure, "paths") == []


def test_200_at_once_are_counted_and_another_way_begins_with_the_same_noise(put):
    figure = put()
    ways, words = {}, figure.locator(".words")
    figure.get_by_text("How to walk").click()
    for name in ("fresh", "none"):
        figure.get_by_label("each step with").select_option(name)
        press(figure, "200 at once")
        ways[name] = figure.evaluate("el => el.plane.now.paths.slice(-200).map(({ points }) => points[0])")
        counts = state(figure, "tally")["counts"]
        assert sum(counts) == 200 and min(counts) > 4
        expect(figure.get_by_role("button", name=f"Bob {counts[0]} / 16.7", exact=True)).to_be_visible()
        expect(words).to_have_text("12 different people in 200 walks (reached / due). No more off than chance is.")
    assert ways["fresh"] == ways["none"]
    press(figure, "200 at once")
    assert figure.evaluate("el => el.plane.now.paths.slice(-200).map(({ points }) => points[0])") != ways["none"]
    figure.get_by_label("each step with").select_option("forgotten")
    press(figure, "200 at once")
    expect(words).to_have_text("One person in 200 walks (reached / due). Chance alone is hardly ever so far off.")


def test_one_step_alone_reaches_nobody(put):
    figure = put(steps=1)
    press(figure, "200 at once")
    expect(figure.locator(".words")).to_have_text("All 200 walks ended between people.")


def test_the_village_can_be_changed(put, dozen):
    figure = put(opened=["village", "ways"], rest="none")
    press(figure, "Half of them away")
    press(figure, "200 at once")
    counts = state(figure, "tally")["counts"]
    assert [count > 0 for count in counts] == [True, False] * 6
    press(figure, "All as before")
    bob = figure.get_by_role("button", name="Bob")
    bob.press("Enter")  # takes him away
    assert figure.evaluate("el => el.plane.village.weights") == [0] + [1] * 11
    bob.press("Enter")
    figure.get_by_label("a click on somebody").select_option("twice")
    bob.click()
    assert figure.evaluate("el => el.plane.village.weights") == [2] + [1] * 11
    bob.press("Shift+ArrowLeft")
    assert np.allclose(figure.evaluate("el => el.plane.village.places[0]"), dozen.places[0] + torch.tensor([-0.3, 0]))
    figure.get_by_label("a click on somebody").select_option("asked")
    figure.get_by_role("button", name="Zuri").click()
    press(figure, "All the way")
    press(figure, "All the way")
    expect(figure.locator(".words")).to_have_text("It is Zuri.")
    press(figure, "200 at once")
    assert state(figure, "tally")["due"] == [200 * (name == "Zuri") for name in dozen.names]
    expect(figure.locator(".words")).to_contain_text("One person")


def test_up_again_and_down_comes_back(put):
    figure = put(level=0, rest="none", steps=100, opened=["ways"])
    expect(figure.locator(".words")).to_have_text("It is Bob.")
    press(figure, "Up again")
    assert state(figure, "level") == 500 and np.linalg.norm(state(figure, "point")) > 0.3
    press(figure, "All the way")
    expect(figure.locator(".words")).to_have_text("It is Bob.")


def test_flow_coordinates_move_the_picture_and_not_the_numbers(put):
    figure = put(level=250, opened=["look"])
    words, before = figure.locator(".words").inner_text(), figure.locator(".point").bounding_box()
    figure.get_by_label("the coordinates of flow matching").check()
    settle(figure.page)
    after = figure.locator(".point").bounding_box()
    middle = figure.locator(".stage").bounding_box()
    middle = middle["x"] + middle["width"] / 2
    a = SCHED.alpha_bar[250].item()
    left, was = after["x"] + 22 - middle, before["x"] + 22 - middle
    assert abs(left / was - 1 / (a**0.5 + (1 - a) ** 0.5)) < 0.02
    assert figure.locator(".words").inner_text() == words


# ---- wherever it stands ----


def test_a_walk_moves_unless_less_motion_was_asked_for_and_what_comes_next_finishes_it(put):
    figure = put(motion="no-preference")
    press(figure, "New noise")
    press(figure, "All the way")
    assert 0 < state(figure, "level") < 500
    figure.page.wait_for_function("el => el.plane.now.level < 300", arg=figure.element_handle())
    press(figure, "200 at once")  # it is not cut short
    assert figure.evaluate("el => el.plane.now.paths[0].until") == 50
    figure.page.wait_for_function("el => el.plane.now.tally", arg=figure.element_handle())
    figure.get_by_role("button", name="play from level 0 to the last").click()
    figure.page.wait_for_function("el => el.plane.now.level > 20", arg=figure.element_handle())
    figure.get_by_role("button", name="pause").click()
    stopped = state(figure, "level")
    settle(figure.page)
    assert 20 < stopped == state(figure, "level") < 500


def test_without_scripts_a_still_picture_stands_there(browser, dozen):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.set_content(made(dozen))
    expect(page.get_by_role("img", name="A village of twelve.")).to_be_visible()
    expect(page.locator("figcaption")).to_have_text("Drag the dot.")
    page.context.close()


def test_a_phone_shows_it_whole_and_no_two_names_overlap(put):
    for width in (390, 1200):
        figure = put(level=400)
        figure.page.set_viewport_size({"width": width, "height": 900})
        settle(figure.page)
        assert figure.page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = figure.evaluate(
            """el => [...el.querySelectorAll(".face")].map((face) => {
            const range = document.createRange();
            range.selectNodeContents(face.querySelector("span"));
            const { left, top, right } = range.getBoundingClientRect();
            return [left, top, right, face.querySelector("b").getBoundingClientRect().bottom];
        })"""
        )
        for i, (left, top, right, bottom) in enumerate(boxes):
            for x0, y0, x1, y1 in boxes[:i]:
                assert right <= x0 or x1 <= left or bottom <= y0 or y1 <= top


@pytest.mark.parametrize(("body", "dark"), [("", False), ('style="background:#111;color:#ddd"', True)])
def test_its_colours_follow_the_page(put, body, dark):
    figure = put(body=body)
    scheme = "el => getComputedStyle(el.lastChild).colorScheme"
    assert figure.evaluate(scheme) == ("dark" if dark else "light")
    figure.page.evaluate("document.body.style = 'background: #111; color: #ddd'")
    figure.page.wait_for_function(f"el => ({scheme})(el) === 'dark'", arg=figure.element_handle())


def test_two_planes_on_one_page_do_not_meddle(offline, tmp_path, dozen):
    html = made(dozen) + made(dozen) + made(dozen, level=10)
    (tmp_path / "plane.html").write_text(PAGE.format(body="", html=html), encoding="utf-8")
    offline.goto((tmp_path / "plane.html").as_uri())
    figures = offline.locator("figure.inkdrop")
    expect(figures).to_have_count(3)
    figures.nth(1).get_by_role("slider", name="noise level").fill("444")
    levels = [figures.nth(i).get_by_role("slider", name="noise level").input_value() for i in range(3)]
    assert levels == ["150", "444", "10"]
    assert offline.troubles == []


def test_in_jupyterlab_keys_move_the_plane_and_nothing_else(page, lab):
    cells = [
        f"from helpers.lesson import plane\nplane.show(opened=['village'], **{json.dumps(WORDS)})",
        "1 + 1",
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    nbformat.write(notebook, lab.folder / "plane.ipynb")
    open_notebook(page, lab, "plane.ipynb")
    run_all(page)
    figure = page.locator("figure.inkdrop")
    figure.locator(".face").nth(11).wait_for()
    selected = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    page.locator(".jp-Cell").first.locator(".jp-InputPrompt").click()
    before = page.evaluate(selected)
    point = figure.get_by_role("button", name="the noisy point")
    point.focus()
    x, y = state(figure, "point")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert np.allclose(state(figure, "point"), [x + 0.1, y + 0.05])
    bob = figure.get_by_role("button", name="Bob")
    bob.focus()
    page.keyboard.press("Enter")
    assert figure.evaluate("el => el.plane.village.weights[0]") == 0
    figure.get_by_role("slider", name="noise level").focus()
    page.keyboard.press("ArrowUp")
    assert state(figure, "level") == 151
    assert page.evaluate(selected) == before and page.locator(".jp-Cell").count() == 2
    assert page.troubles == []
