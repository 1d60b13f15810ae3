"""The playground: what it draws is what the sampler draws, what it keeps can be read, and its buttons work."""

import base64
import io
import re

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image

from helpers import sampler, schedule
from helpers.lesson import playground
from helpers.world import sprites

SCHED = schedule.cosine(T=500)


def net(xt, t):
    return torch.tanh(xt)


def sprite():
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def ground(tmp_path):
    return playground.Playground(net, SCHED, sprite(), folder=tmp_path / "kept")


def test_a_descent_is_the_samplers_own():
    frames = playground.descent(net, SCHED, sprite(), seed=5, steps=20, eta=1.0)
    g = torch.Generator().manual_seed(5)
    *_, last = sampler.sample(net, SCHED, n=1, steps=20, generator=g)
    assert frames.shape == (21, 16, 16, 3) and np.array_equal(frames[-1:], sprites.to_uint8(last.xt))


def test_a_low_start_begins_with_the_sprite_and_takes_no_more_steps_than_there_are():
    x0 = sprite()
    frames = playground.descent(lambda xt, t: x0, SCHED, x0, steps=50, start=3)
    assert len(frames) == 4 and np.array_equal(frames[-1:], sprites.to_uint8(x0))
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() < 10


def test_the_same_seed_draws_the_same_and_another_does_not():
    one, two, other = (playground.descent(net, SCHED, sprite(), seed=s, steps=5) for s in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def read(content):
    return Image.open(io.BytesIO(content))


def test_a_picture_is_the_last_frame_at_16_times_its_size():
    frames = playground.descent(net, SCHED, sprite(), steps=5)
    image = read(playground.picture(frames))
    assert image.format == "PNG" and image.size == (256, 256)
    assert np.array_equal(np.asarray(image)[8::16, 8::16], frames[-1])


def test_an_animation_holds_every_frame_and_plays_once():
    frames = playground.descent(net, SCHED, sprite(), steps=5)
    film = read(playground.picture(frames, animated=True))
    assert film.is_animated and film.n_frames == len(frames) and film.info["loop"] == 1
    for k, frame in enumerate(frames):
        film.seek(k)
        assert np.array_equal(np.asarray(film.convert("RGB"))[8::16, 8::16], frame)


def test_keeping_never_overwrites(tmp_path):
    one, other = (playground.descent(net, SCHED, sprite(), seed=s, steps=3) for s in (1, 2))
    folder = tmp_path / "new" / "kept"
    paths = [playground.keep(frames, "sprite", folder=folder) for frames in (one, one, other, other)]
    assert [path.name for path in paths] == ["sprite.png", "sprite.png", "sprite-2.png", "sprite-2.png"]
    assert np.array_equal(np.asarray(Image.open(paths[0]))[8::16, 8::16], one[-1])


def test_draw_shows_the_sprite_and_wakes_the_other_buttons(ground):
    assert ground.frames is None and ground.keep_picture.disabled and ground.keep_animation.disabled
    ground.seed.value, ground.steps.value, ground.start.value = 7, 4, 200
    ground.draw.click()
    assert np.array_equal(ground.frames, playground.descent(net, SCHED, sprite(), seed=7, steps=4, start=200))
    assert not ground.keep_picture.disabled and not ground.keep_animation.disabled
    assert "seed 7" in ground.message.value
    film = base64.b64decode(
        re.search(r'<img src="data:image/png;base64,([^"]+)" alt="[^"]{20,}"', ground.stage.value)[1]
    )
    assert read(film).n_frames == 5
    still = re.search(r'reduced-motion: reduce\)" srcset="data:image/png;base64,([^"]+)"', ground.stage.value)[1]
    assert not getattr(read(base64.b64decode(still)), "is_animated", False)


def test_the_buttons_keep_a_picture_and_a_film(ground, tmp_path):
    ground.steps.value = 3
    ground.draw.click()
    ground.keep_picture.click()
    assert "kept/sprite-seed1-steps3-eta1-level500.png" in ground.message.value.replace("\\", "/")
    assert str(tmp_path) not in ground.message.value
    ground.keep_animation.click()
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["sprite-seed1-steps3-eta1-level500-film.png", "sprite-seed1-steps3-eta1-level500.png"]


def test_what_cannot_be_kept_is_said(tmp_path):
    (tmp_path / "kept").write_text("a file where the folder should be")
    ground = playground.Playground(net, SCHED, sprite(), folder=tmp_path / "kept")
    ground.steps.value = 2
    ground.draw.click()
    ground.keep_picture.click()
    assert "could not be written" in ground.message.value


def test_words_are_shown_and_cannot_break_out(tmp_path):
    seen = []

    def say(x):
        seen.append(x.shape)
        return '<b>"Fred"</b>'

    ground = playground.Playground(net, SCHED, sprite(), name="<i>Bob", say=say, folder=tmp_path)
    assert "&lt;i&gt;Bob" in ground.message.value
    ground.steps.value = 2
    ground.draw.click()
    assert seen == [(1, 3, 16, 16)]
    assert "<b>" not in ground.message.value + ground.stage.value


def test_every_control_has_a_name_and_the_whole_a_sentence(ground):
    controls = [ground.seed, ground.steps, ground.eta, ground.start, ground.draw, ground.keep_picture]
    assert all(control.description for control in controls)
    assert ground.start.max == SCHED.T and isinstance(ground, ipywidgets.VBox)
    assert repr(ground) == "Playground: sliders and buttons. Run this cell to use them."
