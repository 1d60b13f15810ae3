"""Pictures of the sprite world for the README: `python -m tools.contact_sheet`.

Writes sprites/contact_sheet.png (random members of the world) and sprites/cast.png (the cast with their names). The
same every time, so that a change in git means that the art has changed.
"""

import numpy as np
from PIL import Image

from helpers.lesson import pictures
from helpers.world import sprites

SEED = 7


def contact_sheet(world: sprites.World) -> Image.Image:
    """64 random members, eight in a row."""
    chosen = np.random.default_rng(SEED).choice(len(world), size=(8, 8), replace=False)
    rows = [pictures.Row([pictures.enlarge(world.images[i], 8) for i in line]) for line in chosen]
    return pictures.paint(rows, gap=16)


def cast_sheet(world: sprites.World) -> Image.Image:
    """The cast in the recipe's order, with their names beneath."""
    sprite = [pictures.enlarge(world.images[i], 12) for i in world.cast.values()]
    return pictures.paint([pictures.Row(sprite, below=list(world.cast))], size=24, gap=36)


def main() -> None:
    world = sprites.load_world()
    for name, picture in (("contact_sheet", contact_sheet(world)), ("cast", cast_sheet(world))):
        picture.quantize(256, dither=Image.Dither.NONE).save(sprites.SPRITES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
