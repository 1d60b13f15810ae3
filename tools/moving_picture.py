"""The moving picture at the top of the README: `python -m tools.moving_picture` writes sprites/inkdrop.png.

Bob dissolves, with what the exact answer says of him at each level. Then sixteen sprites come out of noise, drawn by
the network that comes with Inkdrop, from notebook 3's seed, and judged. It plays three times and rests on the sixteen.
It is an animated PNG: every colour is exact, and it is half as large as a GIF.
"""

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from helpers import sampler, schedule
from helpers.lesson import pictures
from helpers.storage import weights
from helpers.world import ideal, judge, sprites

PATH = sprites.SPRITES / "inkdrop.png"
SEED = 0  # of notebook 3
COLUMNS, SCALE, GAP = 8, 5, 10  # sprites in a row, screen pixels per sprite pixel, screen pixels between sprites
TILE = sprites.SIZE * SCALE + GAP
WIDTH, HEIGHT, STRIP = COLUMNS * TILE + GAP, 2 * TILE + GAP, 44  # the strip below has the words and the slider
INK, PALE = "#2a1838", "#d9d3e0"
FRAME, PAUSE, REST = 90, 1200, 6000  # milliseconds


def frame(images: np.ndarray, level: int, last_level: int, words: str) -> Image.Image:
    """One moment: one sprite, large, or sixteen in two rows; below, words and a slider at the noise level."""
    picture = Image.new("RGB", (WIDTH, HEIGHT + STRIP), "white")
    if len(images) == 1:
        large = pictures.enlarge(images[0], 2 * SCALE + 1)
        picture.paste(large, ((WIDTH - large.width) // 2, (HEIGHT - large.height) // 2))
    else:
        for place, image in enumerate(images):
            row, column = divmod(place, COLUMNS)
            picture.paste(pictures.enlarge(image, SCALE), (GAP + column * TILE, GAP + row * TILE))
    pen, font, middle = ImageDraw.Draw(picture), ImageFont.load_default(18), HEIGHT + STRIP // 2 - 2
    pen.text((GAP, middle), words, INK, font, anchor="lm")
    left, right = WIDTH // 2 + 110, WIDTH - GAP - 8
    pen.text((left - 14, middle), "noise", INK, font, anchor="rm")
    knob = left + round((right - left) * level / last_level)
    pen.rounded_rectangle((left, middle - 3, right, middle + 3), 3, PALE)
    pen.rounded_rectangle((left, middle - 3, knob, middle + 3), 3, INK)
    pen.ellipse((knob - 8, middle - 8, knob + 8, middle + 8), INK)
    return picture


def verdict(p: torch.Tensor, bits: float) -> str:
    """What can be said of him, as in notebook 1: p (M,), the probability of each sprite; bits known of all."""
    if p.max() >= 0.5:
        return "It's Bob." if p.max() >= 0.99 else "Probably Bob."
    return "A person: Bob, Fred, even Nancy?" if bits >= 1 else "No idea."


def frames() -> Iterator[tuple[Image.Image, int]]:
    """Every moment and how long it stays, in milliseconds."""
    world, net, sched = sprites.load(), weights.load_pretrained(), schedule.cosine()
    generator = torch.Generator().manual_seed(SEED)
    drawn = list(sampler.sample(net, sched, generator=generator))

    levels = torch.arange(0, sched.T + 1, 12)
    bob = sprites.to_tensor(world.images[[world.cast["Bob"]]])
    noise = torch.randn(bob.shape, generator=generator)  # held fixed: only the level moves
    xt = torch.cat([sched.add_noise(bob, int(t), noise) for t in levels])
    p = ideal.posterior(xt, levels, world.images, sched)
    for i, (t, bits) in enumerate(zip(levels.tolist(), ideal.bits_known(p).tolist(), strict=True)):
        stay = PAUSE if i in (0, len(levels) - 1) else FRAME
        yield frame(sprites.to_uint8(xt[[i]]), t, sched.T, verdict(p[i], bits)), stay

    report = judge.judge(drawn[-1].xt, world, world.split()[0])
    for step in drawn[:-1:2]:
        words = "Sixteen times nothing but noise." if step.t == sched.T else "Take the noise away, bit by bit."
        yield frame(sprites.to_uint8(step.xt), step.t, sched.T, words), PAUSE if step.t == sched.T else FRAME
    words = f"{len(report)} sprites, {report.new.sum()} of them new."
    yield frame(sprites.to_uint8(drawn[-1].xt), 0, sched.T, words), REST


def main() -> None:
    moments, milliseconds = zip(*frames(), strict=True)
    moments[0].save(PATH, save_all=True, append_images=moments[1:], duration=milliseconds, loop=3, compress_level=9)
    print(f"{PATH.name}: {len(moments)} frames, {sum(milliseconds) / 1000:.0f} s, {PATH.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
