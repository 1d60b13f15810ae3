"""A slider over a sequence of pictures: one figure of HTML with a still picture and a script, and nothing else.

The pictures are sent to the browser once; no kernel is asked after that. So it slides in JupyterLab, before and after
the notebook was saved, in Colab, and in exported HTML. Where no script may run, on GitHub or in a notebook that is not
trusted, the still picture with its caption stands there.
"""

import base64
import io
import math

import numpy as np
from IPython.display import display
from PIL import Image

from helpers.lesson import pictures

SCRIPTS = ("page.js", "scrubber.js")
WEBP_MAX = 16383  # pixels along one side, a limit of the format
STILL = 176  # pixels across of a frame in the still picture, which is shown at half its size


def show(frames, **options) -> None:
    """Display a slider with a play button over a sequence of pictures. Everything else is as in `output`."""
    data, metadata = output(frames, **options)
    display(data, metadata=metadata, raw=True)


def output(
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
    stills=None,
    title: str = "",
) -> tuple[dict, dict]:
    """What a notebook stores of a slider: (data, metadata), each by MIME type.

    frames      uint8 array (F, H, W, 3), or a dict of name -> such an array: panels side by side, equally many frames
    caption     what to see in it; always visible below
    alt         the alternative text of the still picture
    captions    F strings, one under the slider per frame
    bars        dict of name -> (F,) floats in [0, 1], drawn as bars beside the pictures, under `bars_title`
    label       what the slider moves, e.g. "noise level"
    values      F numbers shown instead of 0 .. F-1
    level       index of the frame shown first
    scale       CSS pixels per image pixel; by default a panel is about 192 wide
    smooth      False for pixel art, kept exactly; True for soft pictures, which may be compressed with loss
    seconds     how long playing all frames takes
    stills      indices of the frames in the still picture; by default six, evenly spread
    title       a line above

    Raises ValueError if there is not one of everything for each frame, if a bar is no probability, or if caption or alt
    is empty.
    """
    panels = {name: np.asarray(f) for name, f in (frames if isinstance(frames, dict) else {"": frames}).items()}
    bars = {name: np.asarray(chance, dtype=float) for name, chance in (bars or {}).items()}
    count = len(next(iter(panels.values())))
    values = np.arange(count) if values is None else np.asarray(values)
    each = panels | bars | {"values": values} | ({} if captions is None else {"captions": captions})
    if wrong := {name: len(of) for name, of in each.items() if len(of) != count}:
        raise ValueError(f"there are {count} frames; give one of everything for each, not {wrong}")
    for name, chance in bars.items():
        if not ((chance >= -1e-6) & (chance <= 1 + 1e-6)).all():  # False for NaN too; rounding errors are let pass
            raise ValueError(f"bars[{name!r}] must lie in [0, 1] and hold no NaN; give probabilities, not percentages")
    stills = np.linspace(0, count - 1, min(6, count)).round().astype(int) if stills is None else stills
    still = _still(panels, [range(count)[i] for i in stills], values, label, bars, bars_title, smooth)
    content = {
        "title": title,
        "alt": alt,
        "caption": caption,
        "label": label,
        "values": values.tolist(),
        "captions": None if captions is None else list(map(str, captions)),
        "level": range(count)[level],
        "seconds": seconds,
        "panels": [
            {"name": name, "scale": scale or max(1, round(192 / f.shape[2])), **(_tiles(f) if smooth else _woven(f))}
            for name, f in panels.items()
        ],
        "bars": {name: (1000 * p.clip(0, 1)).round().astype(int).tolist() for name, p in bars.items()},  # thousandths
        "bars_title": bars_title,
    }
    return pictures.with_script("Scrubber", still, still.width // 2, content, SCRIPTS)


def _still(panels, stills, values, label, bars, bars_title, smooth) -> Image.Image:
    """A row of frames for each panel, their values, and the likeliest bar. At twice the size that it is shown at."""
    rows = [pictures.Row([_fit(f[i], smooth) for i in stills], heading=name) for name, f in panels.items()]
    rows += [pictures.Row(below=[str(values[i]) for i in stills], heading=label)]
    if bars:
        likely = [max(bars, key=lambda name, i=i: bars[name][i]) for i in stills]
        words = [f"{name}\n{100 * bars[name][i]:.0f} %" for name, i in zip(likely, stills, strict=True)]
        rows += [pictures.Row(below=words, heading=f"{bars_title} Most likely:".strip())]
    return pictures.paint(rows, size=26, gap=16, line=2)


def _fit(frame: np.ndarray, smooth: bool) -> Image.Image:
    """A frame about STILL wide; pixel art at a whole number of times its size."""
    image = pictures.enlarge(frame)
    if not smooth:
        return pictures.enlarge(image, max(1, round(STILL / image.width)))
    return image.resize((STILL, round(STILL * image.height / image.width)), Image.Resampling.LANCZOS)


def _woven(frames: np.ndarray) -> dict:
    """All frames in one lossless picture: each pixel column is a block of (height, frames), x running over the frames.

    Neighbouring frames are alike, so this takes a tenth of what tiles take for a sprite with noise on it.
    """
    count, height, width, _ = frames.shape
    columns = max(1, min(width, WEBP_MAX // count))
    sheet = _sheet(frames.transpose(2, 1, 0, 3), columns)  # of blocks (width, height, frames, 3)
    # quality here is the encoder's patience, not a loss
    return {"width": width, "height": height, "columns": columns, "sheet": _webp(sheet, lossless=True, quality=50)}


def _tiles(frames: np.ndarray) -> dict:
    """All frames as tiles of one picture, compressed with loss; padded to its blocks of 16, so that none runs over."""
    count, height, width, _ = frames.shape
    padded = np.pad(frames, ((0, 0), (0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
    tile = [padded.shape[2], padded.shape[1]]
    columns = min(count, max(1, math.isqrt(count * tile[1] // tile[0])), WEBP_MAX // tile[0])
    sheet = _webp(_sheet(padded, columns), quality=80)
    return {"width": width, "height": height, "columns": columns, "tile": tile, "sheet": sheet}


def _sheet(blocks: np.ndarray, columns: int) -> np.ndarray:
    """(N, h, w, 3) -> one picture with `columns` blocks a row."""
    n, h, w, _ = blocks.shape
    rows = math.ceil(n / columns)
    full = np.zeros((rows * columns, h, w, 3), np.uint8)
    full[:n] = blocks
    return full.reshape(rows, columns, h, w, 3).swapaxes(1, 2).reshape(rows * h, columns * w, 3)


def _webp(pixels: np.ndarray, **options) -> str:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", method=4, **options)  # Pillow refuses a sheet that is too large
    return base64.b64encode(out.getvalue()).decode()
