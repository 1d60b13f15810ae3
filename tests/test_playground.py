"""The playground: what it draws is what the sampler draws, what it keeps can be read, and its buttons work."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from helpers import sampler, schedule
from helpers.lesson import playground
from helpers.world import sprites

SCHED = schedule.cosine(T=500)
SPRITE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def net(xt, t):
    return torch.tanh(xt)


@pytest.fixture(autouse=True)
def kept(monkeypatch, tmp_path):
    """The folder for what is kept."""
    monkeypatch.setattr(playground, "KEPT", tmp_path / "new" / "kept")
    return playground.KEPT


def ground(say=lambda x: "A sprite."):
    made = playground.Playground(net, SCHED, SPRITE, name="Bob", say=say)
    made.steps.value = 4
    return made


def read(content):
    return Image.open(io.BytesIO(content))


def test_a_descent_is_the_samplers_own():
    frames = playground.descent(net, SCHED, SPRITE, seed=5, steps=20, eta=1.0)
    *_, last = sampler.sample(net, SCHED, n=1, steps=20, generator=torch.Generator().manual_seed(5))
    assert frames.shape == (21, 16, 16, 3) and np.array_equal(frames[-1:], sprites.to_uint8(last.xt))


def test_a_low_start_begins_with_the_sprite_and_takes_no_more_steps_than_there_are():
    frames = playground.descent(lambda xt, t: SPRITE, SCHED, SPRITE, steps=50, start=3)
    assert len(frames) == 4 and np.array_equal(frames[-1:], sprites.to_uint8(SPRITE))
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() < 10


def test_a_picture_is_the_last_frame_and_a_film_holds_every_one_and_plays_once():
    frames = playground.descent(net, SCHED, SPRITE, steps=5)
    picture, film = read(playground.png(frames)), read(playground.png(frames, film=True))
    assert picture.format == film.format == "PNG" and picture.size == film.size == (256, 256)
    assert not getattr(picture, "is_animated", False) and film.n_frames == len(frames) and film.info["loop"] == 1
    assert np.array_equal(np.asarray(picture)[8::16, 8::16], frames[-1])
    for k, frame in enumerate(frames):
        film.seek(k)
        assert np.array_equal(np.asarray(film.convert("RGB"))[8::16, 8::16], frame)


def test_keeping_never_overwrites(kept):
    one, other = (playground.descent(net, SCHED, SPRITE, seed=s, steps=3) for s in (1, 2))
    paths = [playground.keep(frames, "sprite") for frames in (one, one, other, other)]
    assert [path.name for path in paths] == ["sprite.png", "sprite.png", "sprite-2.png", "sprite-2.png"]
    assert {path.parent for path in paths} == {kept}
    assert np.array_equal(np.asarray(Image.open(paths[0]))[8::16, 8::16], one[-1])


def test_draw_shows_what_was_chosen_as_a_film_and_as_a_still_for_those_who_want_no_motion():
    made = ground(say=lambda x: "A new sprite: crown.")
    made.seed.value, made.start.value = 7, 200
    made.draw.click()
    assert np.array_equal(made.frames, playground.descent(net, SCHED, SPRITE, seed=7, steps=4, start=200))
    assert made.message.value == "A new sprite: crown."
    film = re.search(r'<img src="data:image/png;base64,([^"]+)" alt="[^"]{20,}"', made.stage.value)[1]
    still = re.search(r'reduced-motion: reduce\)" srcset="data:image/png;base64,([^"]+)"', made.stage.value)[1]
    assert read(base64.b64decode(film)).n_frames == 5 and not getattr(read(base64.b64decode(still)), "is_animated", 0)


def test_a_still_stands_beside_the_widget_and_follows_it():
    InteractiveShell.instance()
    made = ground()
    with capture_output() as first:
        made._ipython_display_()
    with capture_output() as second:
        made.seed.value = 3
        made.draw.click()
    InteractiveShell.clear_instance()
    still, widget = (output.data for output in first.outputs)
    assert widget["application/vnd.jupyter.widget-view+json"]["model_id"] == made.model_id
    assert still.keys() == {"text/html", "image/png", "text/plain"}
    [update] = second.outputs
    shown = np.asarray(read(base64.b64decode(update.data["image/png"])))[8::16, 8::16]
    assert np.array_equal(shown, made.frames[-1])
    assert "Run this cell" in still["text/html"] and "seed 3" in update.data["text/html"]
    [name] = re.findall(r'<figure class="([^"]+)"', still["text/html"])
    assert made.children[-1].value == f"<style>.{name} {{ display: none }}</style>"


def test_the_buttons_keep_a_picture_and_a_film(kept):
    made = ground()
    made.draw.click()
    made.keep_picture.click()
    assert made.message.value.replace("\\", "/") == "Kept: kept/sprite-seed1-steps4-eta1-level500.png"
    made.keep_film.click()
    names = sorted(path.name for path in kept.iterdir())
    assert names == ["sprite-seed1-steps4-eta1-level500-film.png", "sprite-seed1-steps4-eta1-level500.png"]


def test_what_cannot_be_kept_is_said(kept):
    kept.parent.write_text("a file where the folder should be")
    made = ground()
    made.keep_picture.click()
    assert "could not be written" in made.message.value


def test_words_cannot_break_out():
    made = playground.Playground(net, SCHED, SPRITE, name="<i>Bob", say=lambda x: f'<b>"{tuple(x.shape)}"</b>')
    values = "".join(child.value for child in made.children[4:] if hasattr(child, "value"))
    assert "(1, 3, 16, 16)" in values and "&lt;i&gt;Bob" in values and "<b>" not in values
