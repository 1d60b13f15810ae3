"""The viewer's outputs as Python makes them; what a browser makes of them is tested in tests/browser."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from helpers.lesson import viewer

WIDGET = "application/vnd.jupyter.widget-view+json"
WORDS = {"caption": "Slide until nothing is left.", "alt": "A red square drowning in noise."}


def some_frames(count=12, height=16, width=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def bundle(widget):
    return widget._repr_mimebundle_()[0]


def decode(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))


class Tags(HTMLParser):
    """The tags of a document with their attributes, and the text outside scripts."""

    def __init__(self, source):
        super().__init__()
        self.found, self.words, self.scripts = [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        (self.scripts if self.found[-1][0] == "script" else self.words).append(data)


def embedded(source):
    """The data inside the static HTML's script."""
    return json.loads(re.search(r"^const data = (.*);$", source, re.MULTILINE)[1])


# --- one output for every place ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shell():
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def test_a_scrubber_is_one_output_with_a_widget_html_a_picture_and_a_sentence(shell):
    data, metadata = shell.display_formatter.format(viewer.scrubber(some_frames(), **WORDS))
    assert data.keys() == {WIDGET, "text/html", "image/png", "text/plain"}
    assert data["text/plain"] == "Scrubber: A red square drowning in noise."
    assert metadata["image/png"]["width"] * 2 == decode(data["image/png"]).shape[1]


def test_the_html_without_its_script_is_a_figure_with_alt_and_caption_and_no_other_text():
    source = bundle(viewer.scrubber(some_frames(), **WORDS))["text/html"]
    tags = Tags(source)
    assert [tag for tag, _ in tags.found] == ["figure", "img", "figcaption", "script"]
    assert dict(tags.found)["img"]["alt"] == WORDS["alt"]
    assert dict(tags.found)["img"]["src"].startswith("data:image/png;base64,")
    assert "".join(tags.words).strip() == WORDS["caption"]
    assert not re.search(r"https?:|//cdn", source), "nothing may be loaded from the network"


def test_words_cannot_break_out_of_the_html():
    nasty = "</script><script>alert(1)</script> <b>& \"quoted\" 'too' -->"
    frames = {nasty: some_frames()}
    more = {"title": nasty, "label": nasty, "captions": [nasty] * 12, "bars": {nasty: np.ones(12)}, "bars_title": nasty}
    tags = Tags(bundle(viewer.scrubber(frames, caption=nasty, alt=nasty, **more))["text/html"])
    assert [tag for tag, _ in tags.found] == ["figure", "img", "figcaption", "script"]
    assert dict(tags.found)["img"]["alt"] == nasty
    assert "".join(tags.words).strip() == nasty
    data = embedded(tags.scripts[0])
    assert data["title"] == data["label"] == data["captions"][3] == data["panels"][0]["name"] == nasty


def test_the_same_scrubber_twice_gives_the_same_bytes():
    def once():
        made = bundle(viewer.scrubber({"a": some_frames(), "b": some_frames(seed=1)}, bars={"x": np.ones(12)}, **WORDS))
        del made[WIDGET]
        return made

    assert once() == once()
    other = bundle(viewer.scrubber(some_frames(seed=2), **WORDS))["text/html"]
    assert Tags(other).found[0][1]["class"] != Tags(once()["text/html"]).found[0][1]["class"]


def test_a_sprite_with_noise_at_501_levels_is_small():
    rng = np.random.default_rng(0)
    clean, noise = rng.choice([-1.0, 0.0, 1.0], (16, 16, 3)), rng.standard_normal((16, 16, 3))
    angle = np.linspace(0, np.pi / 2, 501)[:, None, None, None]
    frames = (((np.cos(angle) * clean + np.sin(angle) * noise).clip(-1, 1) + 1) * 127.5).round().astype(np.uint8)
    made = bundle(viewer.scrubber({"one": frames, "two": frames}, **WORDS))
    assert len(made["text/html"]) + len(made["image/png"]) < 400_000


# --- the frames -------------------------------------------------------------------------------------------------------


def unwoven(panel, frames):
    """What viewer.js draws for each frame of a lossless panel, pixel column by pixel column."""
    sheet, width, height = decode(panel["sheet"]), panel["width"], panel["height"]
    drawn = np.zeros((frames, height, width, 3), np.uint8)
    for x in range(width):
        left, top = (x % panel["columns"]) * frames, (x // panel["columns"]) * height
        drawn[:, :, x] = sheet[top : top + height, left : left + frames].swapaxes(0, 1)
    return drawn


@pytest.mark.parametrize("shape", [(12, 16, 16), (501, 16, 16), (1, 5, 7), (700, 3, 33)])
def test_pixel_art_arrives_exactly(shape):
    frames = some_frames(*shape)
    panel = embedded(bundle(viewer.scrubber(frames, **WORDS))["text/html"])["panels"][0]
    assert np.array_equal(unwoven(panel, len(frames)), frames)


def test_smooth_pictures_arrive_nearly():
    y, x = np.mgrid[:40, :50] / 50
    frames = np.stack([np.stack([x, y, x * 0 + i / 9], -1) * 255 for i in range(10)]).astype(np.uint8)
    panel = embedded(bundle(viewer.scrubber(frames, smooth=True, **WORDS))["text/html"])["panels"][0]
    sheet, (wide, tall) = decode(panel["sheet"]), panel["tile"]
    for i, frame in enumerate(frames):
        left, top = (i % panel["columns"]) * wide, (i // panel["columns"]) * tall
        assert np.abs(sheet[top : top + 40, left : left + 50].astype(int) - frame).mean() < 6


def test_the_still_picture_shows_the_chosen_frames():
    frames = some_frames(20)
    narrow = decode(bundle(viewer.scrubber(frames, stills=(0, 7, 19), **WORDS))["image/png"])
    wide = decode(bundle(viewer.scrubber(frames, stills=(0, 5, 7, 9, 11, 19), **WORDS))["image/png"])
    assert narrow.shape[1] < wide.shape[1] < 1400
    colours = {tuple(c) for c in narrow.reshape(-1, 3)}
    assert {tuple(c) for c in frames[7].reshape(-1, 3)} <= colours
    assert not {tuple(c) for c in frames[9].reshape(-1, 3)} <= colours


# --- the level --------------------------------------------------------------------------------------------------------


def test_python_reads_sets_and_observes_the_level():
    widget, seen = viewer.scrubber(some_frames(), level=3, **WORDS), []
    widget.observe(lambda change: seen.append(change["new"]), "level")
    assert widget.level == 3
    widget.level = 11
    assert widget.level == 11 and seen == [11]
    with pytest.raises(ValueError, match="level is 12; choose one from 0 to 11"):
        widget.level = 12
    assert widget.level == 11


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"frames": some_frames().astype(float)}, "expected a uint8 array"),
        ({"frames": some_frames()[0]}, "expected a uint8 array"),
        ({"frames": some_frames()[..., :1]}, "expected a uint8 array"),
        ({"frames": some_frames(0)}, "at least one frame"),
        ({"frames": {}}, "at least one"),
        ({"frames": {"a": some_frames(3), "b": some_frames(4)}}, "same number of frames"),
        ({"captions": ["one"]}, "captions has 1 entries, but there are 12"),
        ({"values": range(3)}, "values has 3 entries, but there are 12"),
        ({"bars": {"Bob": np.ones(3)}}, "one number for each of the 12"),
        ({"bars": {"Bob": np.full(12, 63.0)}}, "must lie in"),
        ({"bars": {"Bob": np.full(12, np.nan)}}, "NaN"),
        ({"stills": (0, 12)}, "stills is"),
        ({"stills": ()}, "stills is"),
        ({"level": -1}, "level is"),
        ({"level": 12}, "level is"),
        ({"seconds": 0}, "seconds is 0"),
        ({"scale": 0}, "scale is 0"),
        ({"caption": " "}, "caption and alt"),
        ({"alt": ""}, "caption and alt"),
        ({"frames": some_frames(20_000, 1, 1)}, "too many pixels"),
        ({"frames": some_frames(2, 16_384, 1)}, "too many pixels"),
    ],
)
def test_bad_input_is_refused_with_advice(given, message):
    with pytest.raises(ValueError, match=message):
        viewer.scrubber(**{"frames": some_frames(), **WORDS, **given})


def test_caption_and_alt_are_required():
    with pytest.raises(TypeError, match="caption"):
        viewer.scrubber(some_frames())
    with pytest.raises(TypeError, match="alt"):
        viewer.show(some_frames()[0], caption="no alt")


# --- show and grid ----------------------------------------------------------------------------------------------------


def shown(picture, **words):
    InteractiveShell.instance()
    with capture_output() as captured:
        viewer.show(picture, **(WORDS | words))
    assert len(captured.outputs) == 1
    return captured.outputs[0].data


@pytest.mark.parametrize("wrap", [np.asarray, Image.fromarray])
def test_show_displays_the_very_pixels_with_alt_and_caption(wrap, shell):
    picture = some_frames()[0]
    data = shown(wrap(picture), caption="see <this>")
    assert data["text/plain"] == "Picture: A red square drowning in noise."
    assert np.array_equal(decode(data["image/png"]), picture)
    tags = Tags(data["text/html"])
    assert [tag for tag, _ in tags.found] == ["figure", "img", "figcaption"]
    assert tags.found[1][1]["alt"] == WORDS["alt"] and "".join(tags.words) == "see <this>"


def test_show_closes_a_figure_and_gives_the_same_bytes_twice(shell):
    def figure():
        fig, axes = plt.subplots(figsize=(4, 3))
        axes.plot([0, 1], [1, 0], label="loss")
        axes.legend()
        return fig

    before = plt.get_fignums()
    first, second = shown(figure()), shown(figure())
    assert first == second
    assert plt.get_fignums() == before, "an open figure is shown a second time"


@pytest.mark.parametrize("picture", [some_frames()[0] / 255, some_frames(), some_frames()[0, ..., 0]])
def test_show_refuses_other_pictures(picture):
    with pytest.raises(ValueError, match="expected a matplotlib Figure, a PIL Image or a uint8 array"):
        viewer.show(picture, **WORDS)
    with pytest.raises(ValueError, match="must not be empty"):
        viewer.show(some_frames()[0], caption="", alt="something")


def test_grid_enlarges_each_sprite_pixel_by_pixel():
    images = some_frames(10)
    sheet = np.asarray(viewer.grid(images, columns=4, scale=3, gap=2))
    step = 16 * 3 + 2
    assert sheet.shape == (3 * step + 2, 4 * step + 2, 3)
    for i, image in enumerate(images):
        y, x = 2 + i // 4 * step, 2 + i % 4 * step
        assert np.array_equal(sheet[y : y + 48 : 3, x : x + 48 : 3], image)
        assert np.array_equal(sheet[y + 2 : y + 48 : 3, x + 2 : x + 48 : 3], image)
    assert (sheet[0, :10] == sheet[0, 0]).all() and 200 < sheet[0, 0].mean() < 250, "a pale line between the sprites"
    assert (sheet[-20:, -20:] == 255).all(), "an empty place is white"


def test_grid_writes_labels_under_the_sprites():
    images = np.full((3, 16, 16, 3), 255, np.uint8)
    plain, labelled = viewer.grid(images), viewer.grid(images, labels=["Bob", "Fred", "somebody else"])
    assert labelled.height > plain.height and labelled.width > plain.width
    assert np.asarray(labelled.convert("L")).min() < 80, "dark text"
    assert np.asarray(plain.convert("L")).min() > 200


def test_grid_writes_the_names_of_rows_at_their_left():
    images = np.full((5, 16, 16, 3), 255, np.uint8)
    plain, named = viewer.grid(images, columns=3), viewer.grid(images, columns=3, rows=["noisy", "truth"])
    assert named.height == plain.height
    left, right = np.split(np.asarray(named.convert("L")), [named.width - plain.width], axis=1)
    assert np.array_equal(right, np.asarray(plain.convert("L")))
    assert all(half.min() < 80 for half in np.split(left[: left.shape[0] // 2 * 2], 2)), "dark text beside both rows"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": ["Bob"]}, "1 labels for 12 images"),
        ({"rows": ["noisy"]}, "1 names for 2 rows"),
        ({"columns": 0}, "columns"),
        ({"scale": 0}, "scale"),
        ({"gap": -1}, "gap"),
        ({"images": some_frames(0)}, "at least one"),
        ({"images": some_frames() / 255}, "expected a uint8 array"),
    ],
)
def test_grid_refuses_bad_input(given, message):
    with pytest.raises(ValueError, match=message):
        viewer.grid(**{"images": some_frames(), **given})
