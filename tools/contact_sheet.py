"""Pictures of the sprite world for the README: `python -m tools.contact_sheet`.

Writes sprites/contact_sheet.png (random members of the world) and sprites/cast.png (the cast with their names). The
same every time, so that a change in git means that the art has changed.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from helpers.world import sprites

SEED = 7


def enlarged(image: np.ndarray, scale: int) -> Image.Image:
    return Image.fromarray(image.repeat(scale, axis=0).repeat(scale, axis=1))


def contact_sheet(world: sprites.World, n: int = 64, columns: int = 8, scale: int = 8, gap: int = 2) -> Image.Image:
    """n random members on white; `scale` is screen pixels per sprite pixel, `gap` is in sprite pixels."""
    cell = (sprites.SIZE + gap) * scale
    sheet = Image.new("RGB", (columns * cell + gap * scale, -(-n // columns) * cell + gap * scale), "white")
    chosen = np.random.default_rng(SEED).choice(len(world), size=n, replace=False)
    for place, i in enumerate(chosen):
        row, column = divmod(place, columns)
        sheet.paste(enlarged(world.images[i], scale), (column * cell + gap * scale, row * cell + gap * scale))
    return sheet


def cast_sheet(world: sprites.World, scale: int = 12, gap: int = 3) -> Image.Image:
    """The cast in the recipe's order, with their names beneath in pixel letters."""
    cell = (sprites.SIZE + gap) * scale
    sheet = Image.new("RGB", (len(world.cast) * cell + gap * scale, cell + 5 * scale), "white")
    font = ImageFont.load_default_imagefont()
    for column, (name, i) in enumerate(world.cast.items()):
        left = column * cell + gap * scale
        sheet.paste(enlarged(world.images[i], scale), (left, gap * scale))
        box = font.getbbox(name)
        label = Image.new("RGB", (box[2], box[3]), "white")
        ImageDraw.Draw(label).text((0, 0), name, fill="#2a1838", font=font)
        label = label.resize((2 * label.width, 2 * label.height), Image.Resampling.NEAREST)
        sheet.paste(label, (left + (sprites.SIZE * scale - label.width) // 2, cell + scale))
    return sheet


def main() -> None:
    world = sprites.load_world()
    for name, picture in (("contact_sheet", contact_sheet(world)), ("cast", cast_sheet(world))):
        picture.quantize(256, dither=Image.Dither.NONE).save(sprites.SPRITES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
