"""Pictures in a notebook: `show` one with its caption; `grid`, `rows` and `pairs` lay out sprites.

One painter, `paint`, draws every such sheet, the still picture of a slider too.
"""

import base64
import hashlib
import html
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
import matplotlib.pyplot
import numpy as np
from IPython.display import display
from PIL import Image, ImageDraw, ImageFont

LINE, TEXT = "#d8d8de", "#1c1c22"


def show(picture, *, caption: str, alt: str) -> None:
    """Display a picture with a visible caption and an alternative text.

    picture  a matplotlib Figure (closed afterwards, so that it is not shown twice), a PIL Image, or uint8 (H, W, 3)
    caption  what to see in it
    alt      what it shows, for those who cannot see it

    Raises ValueError for another kind of picture, or an empty caption or alt.
    """
    density = 1.0  # pixels per CSS pixel
    if hasattr(picture, "savefig"):
        density, out = 1.5, io.BytesIO()
        picture.savefig(out, format="png", dpi=96 * density, bbox_inches="tight", facecolor="white")
        matplotlib.pyplot.close(picture)
        picture = Image.open(out).convert("RGB").quantize(256, dither=Image.Dither.NONE)  # a third of the size
    picture = enlarge(picture)
    width = round(picture.width / density)
    figure, png = figure_html(picture, alt, caption, width)
    bundle = {"text/plain": f"Picture: {alt}", "text/html": figure, "image/png": png}
    display(bundle, metadata={"image/png": {"width": width}}, raw=True)


def figure_html(picture: Image.Image, alt: str, caption: str, width: int) -> tuple[str, str]:
    """(HTML of a figure with the picture inside, the picture as base64 PNG), `width` CSS pixels wide.

    No script, and no style that a sanitiser would have to remove. Raises ValueError for an empty caption or alt.
    """
    if not (caption.strip() and alt.strip()):
        raise ValueError("caption and alt must not be empty: say what to see, and what the picture shows")
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    png = base64.b64encode(out.getvalue()).decode()
    return (
        f'<figure style="margin:8px 0"><img src="data:image/png;base64,{png}" alt="{html.escape(alt)}" width="{width}" '
        f'style="max-width:100%">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    ), png


# It mounts every figure with this content that is not mounted yet, so it need not know where on the page it stands.
SCRIPT = """
(() => {{
{code}
const data = {data};
for (const el of document.querySelectorAll("figure.{name}:not(.inkdrop)")) {{
  el.classList.add("inkdrop"); // at once: the next script must not mount it again
  mount(el, data);
}}
}})();
"""


def with_script(title: str, still: Image.Image, width: int, content: dict, scripts: Sequence[str]) -> tuple[dict, dict]:
    """What a notebook stores of a figure that a script brings to life: (data, metadata), each by MIME type.

    title    what it is called, in its plain text; the last word also in its class
    still    what stands there where no script may run, `width` CSS pixels wide
    content  what the script gets; has the caption and the alternative text
    scripts  files beside this one, which together define mount(el, data)

    Raises ValueError for an empty caption or alt.
    """
    figure, png = figure_html(still, content["alt"], content["caption"], width)
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    name = f"{title.split()[-1].lower()}-{hashlib.sha256((figure + data).encode()).hexdigest()[:12]}"
    code = "".join(Path(__file__).with_name(file).read_text(encoding="utf-8") for file in scripts)
    script = SCRIPT.format(code=code, data=data, name=name)
    figure = figure.replace("<figure", f'<figure class="{name}"', 1) + f"<script>{script}</script>"
    bundle = {"text/plain": f"{title}: {content['alt']}", "text/html": figure, "image/png": png}
    return bundle, {"image/png": {"width": width}}


# ---- sheets of sprites: images are uint8 (N, H, W, 3), `scale` is pixels of the sheet per pixel of a sprite ----


def grid(images, labels=None, columns: int = 8, scale: int = 4, gap: int = 1, rows=None) -> Image.Image:
    """N sprites, so many columns in a row, with a pale line of `gap` pixels around each.

    labels: N strings, each under its sprite; rows: a name for each row, at its left. Raises ValueError unless there is
    one for each.
    """
    labels = [""] * len(images) if labels is None else labels
    cells = [(enlarge(image, scale), str(label)) for image, label in zip(images, labels, strict=True)]
    lines = _lines(cells, columns)
    names = [""] * len(lines) if rows is None else rows
    sheet = [Row(*zip(*line, strict=True), name=name) for line, name in zip(lines, names, strict=True)]
    return paint(sheet, gap=gap, line=gap)


def rows(strips: dict, notes: dict[str, str] | None = None, scale: int = 3) -> Image.Image:
    """Rows of sprites, name -> images, each with its name to the left and, if `notes` has one, a note to the right."""
    sheet = [
        Row([enlarge(image, scale) for image in strip], name=name, note=(notes or {}).get(name, ""))
        for name, strip in strips.items()
    ]
    return paint(sheet, size=13)


def _lines(cells: list, columns: int) -> list[list]:
    return [cells[i : i + columns] for i in range(0, len(cells), columns)]


def enlarge(image, scale: int = 1) -> Image.Image:
    """The image as one of Pillow's, each pixel a square of `scale`: nothing is smoothed, and no colour changed.

    Raises ValueError unless it is one already, or a uint8 array (H, W, 3).
    """
    if not isinstance(image, Image.Image):
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.shape[2:] != (3,):
            raise ValueError(
                f"a picture is a uint8 array (height, width, 3); this is {image.dtype} of shape {image.shape}. "
                "sprites.to_uint8 makes pictures of values in [-1, 1]"
            )
        image = Image.fromarray(image)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


# ---- the painter ----


@dataclass(frozen=True)
class Row:
    """What stands side by side in a sheet. An empty text takes no room; a line break in a text starts a new line."""

    images: Sequence[Image.Image] = ()
    below: Sequence[str] = ()  # a text for each image
    above: Sequence[str] = ()
    name: str = ""  # at the left
    note: str = ""  # at the right
    heading: str = ""  # over the whole row


def paint(sheet: Sequence[Row], size: int = 12, gap: int = 6, line: int = 0) -> Image.Image:
    """Draw rows on white, with all columns alike in width.

    size: of the letters; gap: between the images; line: width of a pale line around each; all in pixels.
    """
    plain, bold, pitch = _font(size), _font(size, bold=True), round(1.5 * size)
    texts = [text for row in sheet for text in (*row.below, *row.above)]
    wide = max([_width(texts, plain), *(image.width for row in sheet for image in row.images)])
    before, after = (_width(side, plain) for side in ([row.name for row in sheet], [row.note for row in sheet]))
    left = gap + (before + size + 4) * bool(before)
    note = left + max(len(row.images or row.below) for row in sheet) * (wide + gap) + size * bool(after)
    width = max(note + after + gap * bool(after), 2 * gap + _width([row.heading for row in sheet], bold))

    def room(texts):
        return pitch * max((text.count("\n") + 1 for text in texts if text), default=0)

    tops, y = [], gap
    for row in sheet:
        tops.append(y + room([row.heading]) + room(row.above))
        y = tops[-1] + max((image.height for image in row.images), default=0) + room(row.below) + gap

    picture = Image.new("RGB", (width, y), "white")
    pen = ImageDraw.Draw(picture)
    for row, top in zip(sheet, tops, strict=True):
        height = max((image.height for image in row.images), default=0)
        pen.text((gap, top - room(row.above) - pitch), row.heading, fill=TEXT, font=bold)
        pen.text((left - size, top + height / 2), row.name.strip(), fill=TEXT, font=plain, anchor="rm")
        pen.text((note, top + height / 2), row.note, fill=TEXT, font=plain, anchor="lm")
        for k, image in enumerate(row.images):
            x = left + k * (wide + gap) + (wide - image.width) // 2
            picture.paste(image, (x, top))
            if line:
                corners = (x - line, top - line, x + image.width + line - 1, top + height + line - 1)
                pen.rectangle(corners, outline=LINE, width=line)
        for texts, edge, anchor in ((row.above, top - size // 4, "md"), (row.below, top + height + size // 4, "ma")):
            for k, text in enumerate(texts):
                middle = left + k * (wide + gap) + wide / 2
                pen.text((middle, edge), text, fill=TEXT, font=plain, anchor=anchor, align="center")
    return picture


def _width(texts: Sequence[str], font: ImageFont.FreeTypeFont) -> int:
    """Of the longest line in any of the texts."""
    return max((math.ceil(font.getlength(line)) for text in texts for line in text.split("\n")), default=0)


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: the same picture on every machine."""
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    return ImageFont.truetype(str(folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), size)
