"""Pictures as Python makes them: every sprite in its place, pixel by pixel, with words and a caption."""

import base64
import io
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from helpers.lesson import pictures

WORDS = {"caption": "See <this>.", "alt": 'A "red" square.'}


def sprites(n, seed=0):
    return np.random.default_rng(seed).integers(0, 200, (n, 16, 16, 3), dtype=np.uint8)


def decode(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))


def place(sheet, sprite, scale):
    """Where a sprite stands in a sheet, pixel for pixel: (x, y) of its corner. It must be there once."""
    pixels, big = np.asarray(sheet), sprite.repeat(scale, axis=0).repeat(scale, axis=1)
    corners = np.argwhere((pixels == big[0, 0]).all(axis=-1))
    [(y, x)] = [(y, x) for y, x in corners if np.array_equal(pixels[y : y + len(big), x : x + len(big)], big)]
    return int(x), int(y)


def dark(sheet, x, y, width, height):
    """Is there writing in this part of a sheet?"""
    return np.asarray(sheet.convert("L"))[y : y + height, x : x + width].min() < 80


class Tags(HTMLParser):
    """The tags of a document with their attributes, and its text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data


# ---- sheets ----


@pytest.mark.parametrize(("columns", "scale", "gap"), [(4, 3, 1), (3, 2, 2), (8, 1, 0)])
def test_grid_shows_every_sprite_in_its_place(columns, scale, gap):
    images = sprites(10)
    sheet = pictures.grid(images, columns=columns, scale=scale, gap=gap)
    found = [place(sheet, image, scale) for image in images]
    assert found == [
        (gap + k % columns * (16 * scale + gap), gap + k // columns * (16 * scale + gap)) for k in range(10)
    ]


def test_sixteen_sprites_become_one_small_picture_without_lines():
    assert pictures.grid(sprites(16), columns=4, scale=1, gap=0).size == (64, 64)


def test_labels_stand_under_their_sprites_and_empty_ones_take_no_room():
    images = np.full((6, 16, 16, 3), 255, np.uint8)
    plain = pictures.grid(images, columns=3)
    above, below = (pictures.grid(images, columns=3, labels=t) for t in (["t = 5"] * 3 + [""] * 3, ["t = 5"] * 6))
    assert plain.height < above.height < below.height
    assert above.height - plain.height == below.height - above.height
    assert dark(above, 0, 66, above.width, 18) and not dark(above, 0, 84, above.width, 99)


def test_names_of_rows_stand_at_their_left():
    images = sprites(5)
    plain, named = pictures.grid(images, columns=3), pictures.grid(images, columns=3, rows=["noisy", "truth"])
    assert named.height == plain.height
    left = named.width - plain.width
    assert all(dark(named, 0, y, left - 4, 66) for y in (0, 66))
    assert place(named, images[0], 4)[0] == place(plain, images[0], 4)[0] + left


@pytest.mark.parametrize("given", [{"labels": ["Bob"]}, {"rows": ["noisy"]}])
def test_grid_refuses_words_that_are_not_one_for_each(given):
    with pytest.raises(ValueError, match="shorter"):
        pictures.grid(sprites(12), **given)


def test_rows_show_every_sprite_in_its_own_row():
    strips = {"a bell curve": sprites(4, seed=1), "too much": sprites(4, seed=2), "fewer": sprites(2, seed=3)}
    sheet = pictures.rows(strips, {"too much": "45% valid"})
    heights = []
    for strip in strips.values():
        corners = [place(sheet, sprite, 3) for sprite in strip]
        assert len({y for _, y in corners}) == 1 and corners == sorted(corners)
        heights.append(corners[0][1])
    assert heights == sorted(set(heights))
    beyond = place(sheet, strips["too much"][-1], 3)[0] + 48
    assert dark(sheet, beyond, heights[1], 200, 48) and not dark(sheet, beyond, heights[0], 200, 48)


def test_a_heading_wider_than_its_row_is_not_cut():
    row = pictures.Row([pictures.enlarge(sprites(1)[0])], heading="the network's guess")
    assert pictures.paint([row], size=20).width > 200


@pytest.mark.parametrize("picture", [sprites(1)[0] / 255, sprites(2), sprites(1)[0, ..., 0]])
def test_other_pictures_are_refused_with_advice(picture):
    with pytest.raises(ValueError, match=r"uint8 array .*to_uint8"):
        pictures.enlarge(picture)


# ---- one picture ----


@pytest.fixture(scope="module")
def shell():
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def shown(picture, **words):
    with capture_output() as captured:
        pictures.show(picture, **(WORDS | words))
    [output] = captured.outputs
    return output.data


@pytest.mark.parametrize("wrap", [np.asarray, Image.fromarray])
def test_show_displays_the_very_pixels_with_alt_and_caption(wrap, shell):
    picture = sprites(1)[0]
    data = shown(wrap(picture))
    assert data["text/plain"] == 'Picture: A "red" square.'
    assert np.array_equal(decode(data["image/png"]), picture)
    page = Tags(data["text/html"])
    assert [tag for tag, _ in page.tags] == ["figure", "img", "figcaption"]
    assert page.tags[1][1]["alt"] == WORDS["alt"] and page.words == WORDS["caption"]
    assert page.tags[1][1]["src"] == "data:image/png;base64," + data["image/png"]


def test_show_closes_a_chart_and_gives_the_same_bytes_twice(shell):
    def chart():
        fig, axes = plt.subplots(figsize=(4, 3))
        axes.plot([0, 1], [1, 0], label="loss")
        axes.legend()
        return fig

    before = plt.get_fignums()
    assert shown(chart()) == shown(chart())
    assert plt.get_fignums() == before, "an open figure is shown a second time"


@pytest.mark.parametrize("words", [{"caption": " "}, {"alt": ""}])
def test_caption_and_alt_must_say_something(words):
    with pytest.raises(ValueError, match="must not be empty"):
        pictures.show(sprites(1)[0], **(WORDS | words))
