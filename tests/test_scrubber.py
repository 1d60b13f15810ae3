"""The scrubber's output as Python makes it; what a browser makes of it is tested in tests/browser."""

import json
import re

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from helpers.lesson import scrubber
from tests.test_pictures import Tags, decode

WORDS = {"caption": "Slide until nothing is left.", "alt": "A red square drowning in noise."}


def some_frames(count=12, height=16, width=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def made(frames=None, **more):
    return scrubber.output(some_frames() if frames is None else frames, **(WORDS | more))[0]


def embedded(html):
    """The data inside the script."""
    return json.loads(re.search(r"^const data = (.*);$", html, re.MULTILINE)[1])


def test_a_scrubber_is_one_output_with_html_a_picture_and_a_sentence():
    InteractiveShell.instance()
    with capture_output() as captured:
        scrubber.show(some_frames(), **WORDS)
    InteractiveShell.clear_instance()
    [output] = captured.outputs
    assert output.data == made()
    assert output.data.keys() == {"text/html", "image/png", "text/plain"}
    assert output.data["text/plain"] == "Scrubber: A red square drowning in noise."
    assert output.metadata["image/png"]["width"] * 2 == decode(output.data["image/png"]).shape[1]


def test_words_cannot_break_out_of_the_html_and_nothing_is_asked_of_the_network():
    nasty = "</script><script>alert(1)</script> <b>& \"quoted\" 'too' -->"
    more = {"title": nasty, "label": nasty, "captions": [nasty] * 12, "bars": {nasty: np.ones(12)}, "bars_title": nasty}
    html = made({nasty: some_frames()}, caption=nasty, alt=nasty, **more)["text/html"]
    page, script = Tags(html), html[html.index("<script>") + 8 : -len("</script>")]
    assert [tag for tag, _ in page.tags] == ["figure", "img", "figcaption", "script"]
    assert dict(page.tags)["img"]["alt"] == nasty
    assert page.words == nasty + script
    assert not re.search(r"https?:|//cdn", html)
    data = embedded(html)
    assert data["title"] == data["label"] == data["captions"][3] == data["panels"][0]["name"] == nasty


def test_the_same_scrubber_twice_gives_the_same_bytes_and_another_one_another_name():
    panels = {"a": some_frames(), "b": some_frames(seed=1)}
    assert made(panels, bars={"x": np.ones(12)}) == made(panels, bars={"x": np.ones(12)})
    names = {Tags(made(some_frames(seed=seed))["text/html"]).tags[0][1]["class"] for seed in range(3)}
    assert len(names) == 3


def test_a_sprite_with_noise_at_501_levels_is_small():
    rng = np.random.default_rng(0)
    clean, noise = rng.choice([-1.0, 0.0, 1.0], (16, 16, 3)), rng.standard_normal((16, 16, 3))
    angle = np.linspace(0, np.pi / 2, 501)[:, None, None, None]
    frames = (((np.cos(angle) * clean + np.sin(angle) * noise).clip(-1, 1) + 1) * 127.5).round().astype(np.uint8)
    assert sum(map(len, made({"one": frames, "two": frames}).values())) < 400_000


# ---- the frames ----


def unwoven(panel, frames):
    """What scrubber.js draws for each frame of a lossless panel, pixel column by pixel column."""
    sheet, width, height = decode(panel["sheet"]), panel["width"], panel["height"]
    drawn = np.zeros((frames, height, width, 3), np.uint8)
    for x in range(width):
        left, top = (x % panel["columns"]) * frames, (x // panel["columns"]) * height
        drawn[:, :, x] = sheet[top : top + height, left : left + frames].swapaxes(0, 1)
    return drawn


@pytest.mark.parametrize("shape", [(12, 16, 16), (501, 16, 16), (1, 5, 7), (700, 3, 33)])
def test_pixel_art_arrives_exactly(shape):
    frames = some_frames(*shape)
    panel = embedded(made(frames)["text/html"])["panels"][0]
    assert np.array_equal(unwoven(panel, len(frames)), frames)


def shades(count=10):
    """Soft pictures: one colour across, one down, one over time."""
    y, x = np.mgrid[:200, :160] / 200
    return np.stack([np.stack([x, y, x * 0 + i / count], -1) * 255 for i in range(count)]).astype(np.uint8)


def test_smooth_pictures_arrive_nearly():
    frames = shades()
    panel = embedded(made(frames, smooth=True)["text/html"])["panels"][0]
    sheet, (wide, tall) = decode(panel["sheet"]), panel["tile"]
    for i, frame in enumerate(frames):
        left, top = (i % panel["columns"]) * wide, (i // panel["columns"]) * tall
        assert np.abs(sheet[top : top + 200, left : left + 160].astype(int) - frame).mean() < 6


def test_the_still_of_a_smooth_picture_is_smooth():
    still = decode(made(shades(), smooth=True, stills=[9])["image/png"]).astype(int)
    inside = still[24:200, 24:180, :2]  # of the one frame: red grows across, green down
    assert np.abs(np.diff(inside[..., 0], axis=1)).max() <= 3 and np.abs(np.diff(inside[..., 1], axis=0)).max() <= 3
    assert len(np.unique(inside.reshape(-1, 2), axis=0)) > 10_000


def test_the_still_shows_the_chosen_frames_and_their_values():
    frames = some_frames(20)
    narrow, wide = (made(frames, stills=stills)["image/png"] for stills in ((0, 7, 19), (0, 5, 7, 9, 11, 19)))
    assert decode(narrow).shape[1] < decode(wide).shape[1] < 1400
    colours = {tuple(c) for c in decode(narrow).reshape(-1, 3)}
    assert {tuple(c) for c in frames[7].reshape(-1, 3)} <= colours
    assert not {tuple(c) for c in frames[9].reshape(-1, 3)} <= colours
    assert made(frames, values=range(0, 40, 2))["image/png"] != made(frames)["image/png"]


# ---- what is refused ----


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"frames": some_frames() / 255}, "uint8 array"),
        ({"frames": some_frames()[0]}, "uint8 array"),
        ({"frames": {"a": some_frames(3), "b": some_frames(4)}}, "{'b': 4}"),
        ({"captions": ["one"]}, "12 frames; .*{'captions': 1}"),
        ({"values": range(3)}, "{'values': 3}"),
        ({"bars": {"Bob": np.ones(3)}}, "{'Bob': 3}"),
        ({"bars": {"Bob": np.full(12, 63.0)}}, "must lie in"),
        ({"bars": {"Bob": np.full(12, np.nan)}}, "NaN"),
        ({"caption": " "}, "caption and alt"),
        ({"frames": some_frames(20_000, 1, 1)}, "WebP limit"),
    ],
)
def test_bad_input_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        made(**given)


def test_a_frame_that_does_not_exist_is_refused():
    for wrong in ({"stills": (0, 12)}, {"level": 12}):
        with pytest.raises(IndexError):
            made(**wrong)
