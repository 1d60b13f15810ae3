"""Pictures in a notebook: a slider over frames (`scrubber`), one picture (`show`), a contact sheet (`grid`).

Every output carries a still picture with a caption and an alternative text, so it says something on GitHub, in an
untrusted JupyterLab and to a screen reader. The scrubber's frames are sent to the browser once; after that no kernel
is asked, so it slides in exported HTML as well.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import math
from pathlib import Path

import anywidget
import matplotlib
import matplotlib.pyplot
import numpy as np
import traitlets
from IPython.display import display
from PIL import Image, ImageDraw, ImageFont

_JS = Path(__file__).with_name("viewer.js").read_text(encoding="utf-8")
_ADAPTER = """
export default {
  async render({ model, el }) {
    const listeners = [];
    const stop = await mount(el.appendChild(document.createElement("figure")), JSON.parse(model.get("_data")), {
      get: () => model.get("level"),
      set: (level) => { model.set("level", level); model.save_changes(); },
      onChange: (callback) => { listeners.push(callback); model.on("change:level", callback); },
    });
    return () => { stop(); listeners.forEach((callback) => model.off("change:level", callback)); };
  },
};
"""
# Every figure with this content that is not mounted yet: no need to know which script tag is running, which
# JupyterLab does not tell.
_STATIC = """
(() => {{
{js}
const data = {data};
for (const el of document.querySelectorAll("figure.{name}:not(.inkdrop)"))
  mount(el, data, {{ get: () => data.level, set() {{}}, onChange() {{}} }});
}})();
"""
_WEBP_MAX = 16383  # pixels along one side, a limit of the format
_PAPER, _LINE, _TEXT = "#ffffff", "#d8d8de", "#1c1c22"


# --- the scrubber -----------------------------------------------------------------------------------------------------


class Scrubber(anywidget.AnyWidget):
    """What `scrubber` returns. `level` is the index of the frame now shown; it can be read, set and observed."""

    _esm = _JS + _ADAPTER
    _data = traitlets.Unicode().tag(sync=True)
    level = traitlets.Int(0).tag(sync=True)
    _ipython_display_ = None  # ipywidgets 7 would show the bare widget through it, without the still picture

    def __init__(self, data: dict, still: Image.Image):
        self._still, self._alt, self._frames = still, data["alt"], len(data["values"])
        super().__init__(_data=json.dumps(data, ensure_ascii=False, separators=(",", ":")), level=data["level"])

    @traitlets.validate("level")
    def _check_level(self, proposal):
        if not 0 <= proposal["value"] < self._frames:
            raise ValueError(f"level is {proposal['value']}; choose one from 0 to {self._frames - 1}")
        return proposal["value"]

    def __repr__(self):
        return f"Scrubber: {self._alt}"

    def _repr_mimebundle_(self, **kwargs):
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        caption = json.loads(self._data)["caption"]
        figure, png = figure_html(self._still, self._alt, caption, width=self._still.width // 2)
        name = "scrubber-" + hashlib.sha256((figure + self._data).encode()).hexdigest()[:12]
        script = _STATIC.format(js=_JS, data=self._data.replace("<", "\\u003c"), name=name)
        bundle["text/html"] = figure.replace("<figure", f'<figure class="{name}"', 1) + f"<script>{script}</script>"
        bundle["image/png"] = png
        return bundle, {**metadata, "image/png": {"width": self._still.width // 2}}


def scrubber(
    frames,
    *,
    caption: str,
    alt: str,
    captions=None,
    bars: dict | None = None,
    bars_title: str = "",
    label: str = "frame",
    values=None,
    level: int = 0,
    scale: float | None = None,
    smooth: bool = False,
    seconds: float = 10,
    loop: bool = False,
    autoplay: bool = False,
    stills=None,
    title: str = "",
) -> Scrubber:
    """A slider with a play button over a sequence of pictures, shown by the browser itself.

    Args:
        frames: uint8 array (F, H, W, 3), or a dict of name -> such an array: panels side by side, equally many frames.
        caption: what to see in it; always visible below.
        alt: the alternative text of the still picture.
        captions: F strings, one under the slider per frame.
        bars: dict of name -> (F,) floats in [0, 1], drawn as bars beside the pictures, under `bars_title`.
        label: what the slider moves, e.g. "noise level".
        values: F numbers shown instead of 0 .. F-1.
        level: the frame shown first.
        scale: CSS pixels per image pixel; by default a panel is about 192 wide.
        smooth: False for pixel art, kept exactly; True for soft pictures, which may be compressed with loss.
        seconds: how long playing all frames takes.
        loop: start again at the end.
        autoplay: play at once, unless the reader asked their system for less motion.
        stills: indices of the frames in the still picture; by default six, evenly spread.
        title: a line above.

    Returns:
        A widget whose `level` can be read and set.

    Raises:
        ValueError: anything above has the wrong shape, type or range.
    """
    panels = frames if isinstance(frames, dict) else {"": frames}
    panels = {name: _checked_frames(name, f) for name, f in panels.items()}
    count = _same_count(panels)
    values = [v.item() if hasattr(v, "item") else v for v in (range(count) if values is None else values)]
    captions = None if captions is None else [str(c) for c in captions]
    for what, given in (("values", values), ("captions", captions or values)):
        if len(given) != count:
            raise ValueError(f"{what} has {len(given)} entries, but there are {count} frames; give one for each")
    if not (str(caption).strip() and str(alt).strip()):
        raise ValueError("caption and alt must not be empty: say what to see, and what the picture shows")
    stills = np.unique(np.linspace(0, count - 1, 6).round().astype(int)) if stills is None else stills
    for what, given in (("stills", list(stills)), ("level", [level])):
        if not given or not all(0 <= i < count for i in given):
            raise ValueError(f"{what} is {given}; frames are numbered from 0 to {count - 1}")
    for what, given in (("seconds", seconds), ("scale", 1 if scale is None else scale)):
        if not given > 0:
            raise ValueError(f"{what} is {given}; it must be more than 0")
    chances = {name: _checked_bar(name, p, count) for name, p in (bars or {}).items()}
    data = {
        "title": title,
        "alt": alt,
        "caption": caption,
        "label": label,
        "values": values,
        "captions": captions,
        "level": int(level),
        "seconds": seconds,
        "loop": loop,
        "autoplay": autoplay,
        "panels": [
            {"name": name, "scale": scale or max(1, round(192 / f.shape[2])), **(_tiles(f) if smooth else _woven(f))}
            for name, f in panels.items()
        ],
        "bars": bars
        and {
            "title": bars_title,
            "names": list(chances),
            "values": [(1000 * p).round().astype(int).tolist() for p in chances.values()],  # thousandths: short
        },
    }
    return Scrubber(data, _film_strip(panels, [int(i) for i in stills], values, label, chances, bars_title, smooth))


def _checked_frames(name: str, frames) -> np.ndarray:
    frames, who = np.asarray(frames), f"frames of {name!r}" if name else "frames"
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
        raise ValueError(
            f"{who}: expected a uint8 array (frames, height, width, 3), got {frames.dtype} of shape {frames.shape}; "
            "turn values in [-1, 1] into uint8 first"
        )
    if 0 in frames.shape:
        raise ValueError(f"{who}: nothing to show, the shape is {frames.shape}; give at least one frame")
    return frames


def _same_count(panels: dict) -> int:
    counts = {name: len(f) for name, f in panels.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"all panels need the same number of frames, at least one; got {counts}")
    return next(iter(counts.values()))


def _checked_bar(name: str, chance, count: int) -> np.ndarray:
    chance = np.asarray(chance, dtype=float)
    if chance.shape != (count,):
        raise ValueError(f"bars[{name!r}] has shape {chance.shape}; give one number for each of the {count} frames")
    if not ((chance >= -1e-6) & (chance <= 1 + 1e-6)).all():  # False for NaN too; rounding errors are let pass
        raise ValueError(f"bars[{name!r}] must lie in [0, 1] and hold no NaN; give probabilities, not percentages")
    return chance.clip(0, 1)


def _woven(frames: np.ndarray) -> dict:
    """All frames in one lossless picture: each pixel column is a block of (height, frames), x running over the frames.

    Neighbouring frames are alike, so this takes a tenth of what tiles take for a sprite with noise on it.
    """
    count, height, width, _ = frames.shape
    columns = min(width, _WEBP_MAX // count)
    blocks = frames.transpose(2, 1, 0, 3)  # (width, height, frames, 3)
    sheet = _sheet(blocks, columns)
    # quality here is the encoder's patience, not a loss
    return {"width": width, "height": height, "columns": columns, "sheet": _webp(sheet, lossless=True, quality=50)}


def _tiles(frames: np.ndarray) -> dict:
    """All frames as tiles of one picture, compressed with loss; padded to its blocks of 16, so that none runs over."""
    count, height, width, _ = frames.shape
    padded = np.pad(frames, ((0, 0), (0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
    tile = [padded.shape[2], padded.shape[1]]
    columns = min(count, max(1, math.isqrt(count * tile[1] // tile[0])), _WEBP_MAX // tile[0])
    sheet = _webp(_sheet(padded, columns), quality=80)
    return {"width": width, "height": height, "columns": columns, "tile": tile, "sheet": sheet}


def _sheet(blocks: np.ndarray, columns: int) -> np.ndarray:
    """(N, h, w, 3) -> one picture with `columns` blocks a row; columns = 0 says that they are too wide."""
    n, h, w, _ = blocks.shape
    rows = math.ceil(n / columns) if columns else 0
    if not columns or rows * h > _WEBP_MAX:
        raise ValueError("too many pixels for one sheet; show fewer or smaller frames")
    full = np.zeros((rows * columns, h, w, 3), np.uint8)
    full[:n] = blocks
    return full.reshape(rows, columns, h, w, 3).swapaxes(1, 2).reshape(rows * h, columns * w, 3)


def _webp(pixels: np.ndarray, **options) -> str:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", method=4, **options)
    return base64.b64encode(out.getvalue()).decode()


def _film_strip(panels, stills, values, label, bars, bars_title, smooth) -> Image.Image:
    """The still picture: a row of frames per panel, their values, and the likeliest bar. At twice its shown size."""
    cell, gap, line = 176, 16, 40
    headings = [*panels, label, question := f"{bars_title} Most likely:".strip()]
    width = gap + max(len(stills) * (cell + gap), *(math.ceil(_font(26, True).getlength(h)) + gap for h in headings))
    sizes = {name: (cell, round(cell * f.shape[1] / f.shape[2])) for name, f in panels.items()}
    height = sum(s[1] + line * bool(name) + gap for name, s in sizes.items()) + line * 2 + gap
    height += line * 3 + gap if bars else 0
    strip = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(strip)
    y = gap

    def heading(text):
        draw.text((gap, y), text, fill=_TEXT, font=_font(26, bold=True), anchor="lt")

    def centred(i, text):
        fitted = next((f for f in map(_font, range(26, 10, -2)) if f.getlength(text) <= cell), _font(12))
        draw.text((gap + i * (cell + gap) + cell / 2, y + 24), text, fill=_TEXT, font=fitted, anchor="ms")

    for name, f in panels.items():
        if name:
            heading(name)
            y += line
        for i, still in enumerate(stills):
            how = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
            x = gap + i * (cell + gap)
            strip.paste(Image.fromarray(f[still]).resize(sizes[name], how), (x, y))
            draw.rectangle((x - 1, y - 1, x + cell, y + sizes[name][1]), outline=_LINE, width=2)
        y += sizes[name][1] + gap
    heading(label)
    y += line
    for i, still in enumerate(stills):
        centred(i, str(values[still]))
    if bars:
        y += line + gap
        heading(question)
        y += line
        for i, still in enumerate(stills):
            name = max(bars, key=lambda n, k=still: bars[n][k])
            centred(i, name)
            y += line - 8
            centred(i, f"{bars[name][still]:.0%}".replace("%", " %"))
            y -= line - 8
    return strip.quantize(128) if smooth else strip  # soft pictures: half the size, and it cannot be seen


# --- ordinary pictures ------------------------------------------------------------------------------------------------


def show(picture, *, caption: str, alt: str) -> None:
    """Display a picture with a visible caption and an alternative text.

    Args:
        picture: a matplotlib Figure (closed afterwards, so that it is not shown twice), a PIL Image, or a uint8 array
            (H, W, 3).
        caption: what to see in it.
        alt: what it shows, for those who cannot see it.

    Raises:
        ValueError: another kind of picture, or an empty caption or alt.
    """
    if not (str(caption).strip() and str(alt).strip()):
        raise ValueError("caption and alt must not be empty: say what to see, and what the picture shows")
    density = 1.0
    if hasattr(picture, "savefig"):
        density, out = 1.5, io.BytesIO()
        picture.savefig(out, format="png", dpi=96 * density, bbox_inches="tight", facecolor="white")
        matplotlib.pyplot.close(picture)
        picture = Image.open(out).convert("RGB").quantize(128, dither=Image.Dither.NONE)  # a third of the size
    elif not isinstance(picture, Image.Image):
        picture = np.asarray(picture)
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3:
            raise ValueError(
                "expected a matplotlib Figure, a PIL Image or a uint8 array (height, width, 3), "
                f"got {picture.dtype} of shape {picture.shape}"
            )
        picture = Image.fromarray(picture)
    width = round(picture.width / density)
    figure, png = figure_html(picture, alt, caption, width)
    bundle = {"text/plain": f"Picture: {alt}", "text/html": figure, "image/png": png}
    display(bundle, metadata={"image/png": {"width": width}}, raw=True)


def grid(images, labels=None, columns: int = 8, scale: int = 4, gap: int = 1, rows=None) -> Image.Image:
    """A contact sheet of sprites, each pixel a square of `scale`.

    Args:
        images: uint8 array (N, H, W, 3), N >= 1.
        labels: N strings, one under each sprite.
        columns: sprites in a row.
        scale: pixels of the result per pixel of a sprite.
        gap: width of the pale lines between the sprites, in pixels of the result.
        rows: a name for each row, at its left.

    Raises:
        ValueError: wrong shape or type, no images, not one label each, or not one name for each row.
    """
    images = _checked_frames("", images)
    n, h, w, _ = images.shape
    if labels is not None and len(labels) != n:
        raise ValueError(f"there are {len(labels)} labels for {n} images; give one for each")
    if columns < 1 or scale < 1 or gap < 0:
        raise ValueError("columns and scale must be at least 1, gap at least 0")
    columns = min(columns, n)
    if rows is not None and len(rows) != math.ceil(n / columns):
        raise ValueError(f"there are {len(rows)} names for {math.ceil(n / columns)} rows; give one for each")
    font = _font(12)
    left = max((math.ceil(font.getlength(str(name))) + 12 for name in rows or ()), default=0)
    room = 18 if labels else 0
    wide = max([w * scale, *(math.ceil(font.getlength(str(text))) + 6 for text in labels or ())])
    tall = h * scale + room
    sheet = Image.new("RGB", (left + columns * (wide + gap) + gap, math.ceil(n / columns) * (tall + gap) + gap), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, image in enumerate(images):
        x, y = left + (i % columns) * (wide + gap), (i // columns) * (tall + gap)
        draw.rectangle((x, y, x + wide + 2 * gap - 1, y + tall + 2 * gap - 1), fill=_LINE)
        draw.rectangle((x + gap, y + gap, x + gap + wide - 1, y + gap + tall - 1), fill=_PAPER)
        big = Image.fromarray(image).resize((w * scale, h * scale), Image.Resampling.NEAREST)
        sheet.paste(big, (x + gap + (wide - w * scale) // 2, y + gap))
        if labels:
            draw.text((x + gap + wide / 2, y + gap + tall - 5), str(labels[i]), fill=_TEXT, font=font, anchor="ms")
        if rows and i % columns == 0:
            draw.text((left - 8, y + gap + h * scale / 2), str(rows[i // columns]), fill=_TEXT, font=font, anchor="rm")
    return sheet


def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: the same picture on every machine."""
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    return ImageFont.truetype(str(folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), size)


def figure_html(picture: Image.Image, alt: str, caption: str, width: int) -> tuple[str, str]:
    """(HTML of a figure with the picture inside, the picture as base64 PNG). No script, no style that a sanitiser
    would have to remove."""
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    png = base64.b64encode(out.getvalue()).decode()
    return (
        f'<figure style="margin:8px 0"><img src="data:image/png;base64,{png}" alt="{html.escape(alt)}" width="{width}" '
        f'style="max-width:100%">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    ), png
