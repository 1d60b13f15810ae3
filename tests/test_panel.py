"""Who it may be, and the live panel: its numbers are those of `ideal`, and it shows what was chosen."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from helpers import schedule
from helpers.lesson import charts_1, panel, suspects
from helpers.world import ideal, sprites

SCHED = schedule.cosine(T=500)


def small(n=30, known=True) -> sprites.World:
    """A few sprites of the world, with all that is known of them."""
    world = sprites.load()
    where = np.r_[
        world.cast["Bob"], world.cast["Fred"], world.cast["Nancy"], np.linspace(50, 168_000, n - 3).astype(int)
    ]
    labels = {name: of[where] for name, of in world.labels.items()} if known else {}
    cast = {"Bob": 0, "Fred": 1, "Nancy": 2}
    return sprites.World(world.images[where], world.attributes if known else {}, labels, cast, known, n - 3, 0)


@pytest.fixture(scope="module")
def everybody():
    return suspects.Suspects(small(), SCHED)


@pytest.fixture
def noise():
    return torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("level", [0, 1, 50, 250, 450, 500])
def test_suspects_are_the_exact_posterior_and_the_exact_best_answer(everybody, noise, level):
    images = everybody.world.images
    everybody.see(3, noise)
    xt, p, best = everybody.at(level)
    x0 = sprites.to_tensor(images[[3]])
    assert torch.allclose(xt, SCHED.add_noise(x0, level, noise[None]), atol=1e-5)
    exact = ideal.posterior(xt if level else x0, level, images, SCHED)
    assert torch.allclose(p, exact[0], atol=1e-4) and torch.allclose(best, ideal.mean(exact, images), atol=1e-4)


def test_the_squared_distance_is_that_of_the_pictures(everybody):
    x = sprites.to_tensor(everybody.world.images).flatten(1).double()
    assert torch.allclose(everybody.distance2(4), (x - x[4]).square().sum(1), atol=1e-3)
    assert everybody.distance2(4)[4] == 0


def test_the_own_options_are_the_attributes_that_the_sprite_has(everybody):
    world = everybody.world
    p = torch.softmax(torch.randn(2, len(world), generator=torch.Generator().manual_seed(0)), dim=1)
    for name, share in suspects.own_options(world, p, 5).items():
        exact = ideal.attribute_posterior(p, world.labels[name], len(world.attributes[name]))
        assert torch.allclose(share, exact[:, world.labels[name][5]], atol=1e-6)


def test_the_twelve_are_the_village_or_a_learners_first_twelve():
    world, own = sprites.load(), small(5, known=False)
    twelve = suspects.twelve(world)
    assert list(twelve)[:3] == ["Bob", "Fred", "Nancy"] and len(set(twelve.values())) == 12
    assert all(twelve[name] == i for name, i in world.cast.items())
    assert suspects.twelve(own) == {"Bob": 0, "Fred": 1, "Nancy": 2, "number 3": 3, "number 4": 4}


def test_the_likeliest_come_first_and_their_bars_are_as_long_as_they_are_likely(everybody):
    p = np.full(30, 0.2 / 29)
    p[7] = 0.8
    picture = charts_1.likeliest(everybody.world, p).astype(int)
    assert (picture[:48:3, :48:3] == everybody.world.images[7]).all()
    row = picture[36, 56:]  # below the words
    assert (row == (0x9F, 0xB0, 0xEE)).all(axis=1).mean() == pytest.approx(0.8, abs=0.02)
    assert charts_1.likeliest(small(4), np.full(4, 0.25)).shape == picture.shape
    assert charts_1.likely_details(small(4, known=False), np.full(4, 0.25)).min() == 255


@pytest.mark.parametrize(("share", "words"), [(1, "100 %"), (0.404, "40 %"), (0.0421, "4.2 %"), (1e-9, "< 0.1 %")])
def test_shares_in_words(share, words):
    assert charts_1._percent(share) == words


def test_the_panel_shows_what_was_chosen(everybody):
    made = panel.LivePanel(everybody, everybody.world.cast, level=200)
    first = made.stage.value
    made.level.value = 490
    assert made.stage.value != first and made.message.value.startswith("Bob, level 490: ")
    made.who.value = 2
    assert made.number.value == 2 and "sure that it is Nancy" in made.message.value
    made.number.value = 9
    assert made.who.value is None and "sure that it is sprite 9" in made.message.value
    made.number.value = 1
    assert made.who.value == 1 and "Fred" in made.message.value
    before = made.stage.value
    made.again.click()
    assert made.stage.value != before
    assert made.stage.value.count("<img") == 4 and all(name in made.stage.value for name in panel.PANELS)


def test_a_still_stands_beside_the_widget_and_follows_it(everybody):
    InteractiveShell.instance()
    made = panel.LivePanel(everybody, everybody.world.cast)
    with capture_output() as first:
        made._ipython_display_()
    with capture_output() as second:
        made.level.value = 300
    InteractiveShell.clear_instance()
    still, widget = (output.data for output in first.outputs)
    assert widget["application/vnd.jupyter.widget-view+json"]["model_id"] == made.model_id
    assert still.keys() == {"text/html", "image/png", "text/plain"} and still["text/plain"].startswith("Live panel: ")
    [update] = second.outputs
    assert "level 300" in update.data["text/plain"] and "Run this cell" in still["text/html"]
    assert Image.open(io.BytesIO(base64.b64decode(update.data["image/png"]))).width > 800
    [name] = re.findall(r'<figure class="([^"]+)"', still["text/html"])
    assert made.children[-1].value == f"<style>.{name} {{ display: none }}</style>"


def test_the_panel_takes_sprites_of_which_nothing_is_known():
    world = small(4, known=False)
    made = panel.LivePanel(suspects.Suspects(world, SCHED), suspects.twelve(world), level=9000)
    assert made.level.value == 500 and "Bob" in made.message.value
