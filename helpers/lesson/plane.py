"""The plane: a village of sprites in two directions, and diffusion in it that one can take hold of.

A sprite is a point in 768 directions, which nobody can see. In a plane one can: everybody lives at a place, noise moves
them, and the best answer, the walks and their ends are the very ones of the sprite world, from the same `schedule`,
`ideal` and `sampler`. `show` puts the plane into a notebook; the functions here say the same without a browser.

A place stands for an image of shape (1, 1, 2); points are float tensors (B, 2).
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from IPython.display import display
from torch import Tensor

from helpers import expect, sampler, schedule
from helpers.lesson import pictures, plane_still
from helpers.lesson.village import Village, dozen
from helpers.world import ideal

WAYS = ("fresh", "none", "forgotten")
TOOLS = ("walk", "ways", "village", "look")
START = {"rest": "fresh", "first": None, "steps": 50, "squares": False, "seed": 0}
START |= {"cloud": True, "crowd": False, "lines": True, "flow": False}
NOISE = [-1.7, 0.1]  # on who the noisy point is at first: it takes Bob out of the crowd
CONTROLS = Path(__file__).with_name("plane.html")
SCRIPTS = ("page.js", "plane_numbers.js", "plane_paint.js", "plane.js")


# ---- the numbers ----


def posterior(village: Village, xt: Tensor, t: int, sched: schedule.Schedule) -> Tensor:
    """Who it is: xt (B, 2) noisy points at level t -> (B, N) float32; rows sum to 1. Raises as `ideal.posterior`."""
    p = ideal.posterior(xt[:, None, None], t, village.images, sched)
    return ideal.attribute_posterior(p, village.owners, len(village.names))


def denoiser(village: Village, sched: schedule.Schedule, asked: Village | None = None, w: float = 1.0):
    """The best answer as `sampler.sample` wants it: net(xt, t), with xt (B, 1, 1, 2), the mean of all who it may be.

    asked  the same village with only those who are asked for: the answer is without + w * (with - without) then
    """

    def net(xt, t):
        guess = ideal.denoise(xt, t, village.images, sched)
        return guess if asked is None else guess + w * (ideal.denoise(xt, t, asked.images, sched) - guess)

    return net


def walks(
    village: Village,
    sched: schedule.Schedule,
    xt: Tensor,
    levels: list[int],
    generator: torch.Generator | None = None,
    *,
    rest: str = "fresh",
    first: str | None = None,
    net=None,
) -> Tensor:
    """Walk down from the noisy points xt (n, 2) through the levels: (len(levels), n, 2), all points on the way.

    levels     falling, as sampler.levels(500, 50) gives them
    generator  for the fresh noise
    rest       "fresh": fresh noise in each step (DDPM, Ho et al. 2020); "none": none is needed (DDIM, Song et al.
               2021); "forgotten": DDPM's step with its fresh noise left out, a mistake
    first      the same for the step from the last level, if it shall differ
    net        who answers; by default the best answer there can be

    Raises ValueError for another word, and as `ideal.posterior` does.
    """
    if not {rest, first or rest} <= set(WAYS):
        raise ValueError(f"rest and first are one of {', '.join(WAYS)}; got {rest!r} and {first!r}")
    net = net or denoiser(village, sched)
    path = [xt[:, None, None]]
    for t, s in pairwise(levels):
        how = first if first and t == sched.T else rest
        guess = net(path[-1], t).to(xt.dtype)
        noise = torch.zeros_like(guess)
        if how == "fresh":
            noise = torch.randn(guess.shape, generator=generator, dtype=xt.dtype)
        path.append(sampler.step_down(path[-1], guess, t, s, sched, float(how != "none"), noise))
    return torch.stack(path)[:, :, 0, 0]


def reached(village: Village, ends: Tensor) -> dict[str, int]:
    """How many of the ends (n, 2) lie within 0.1 of each person; the rest are "nobody"."""
    counts = (torch.cdist(ends, village.places.to(ends.dtype)) < 0.1).sum(dim=0).tolist()
    return dict(zip((*village.names, "nobody"), (*counts, len(ends) - sum(counts)), strict=True))


def chance(counts: dict[str, int], shares) -> float:
    """How often chance alone would be at least as far off: the p-value of a chi-square test (Pearson 1900).

    counts  from `reached`; those who reached nobody are left out, and if all did the answer is NaN
    shares  N numbers that sum to 1: what is due, such as a posterior, or the weights of the village

    Those of whom fewer than 5 are due are counted together.
    """
    got = np.array([count for name, count in counts.items() if name != "nobody"])
    due = np.asarray(shares, dtype=float) * got.sum()
    rare = due < 5
    got, due = (np.append(x[~rare], x[rare].sum()) for x in (got, due))
    if due[-1] < 1e-9 and not got[-1]:  # nobody is rare, or only those who cannot be reached at all
        got, due = got[:-1], due[:-1]
    far = (np.square(got - due) / np.maximum(due, 1e-9)).sum()
    return float(torch.special.gammaincc(torch.tensor((len(got) - 1) / 2), torch.tensor(far / 2)))


# ---- the picture ----


def show(home: Village | None = None, **options) -> None:
    """Display the plane in a notebook. Everything else is as in `output`."""
    data, metadata = output(home, **options)
    display(data, metadata=metadata, raw=True)


def output(
    home: Village | None = None,
    *,
    caption: str,
    alt: str,
    sched: schedule.Schedule | None = None,
    level: int = 150,
    point: str | tuple[float, float] = "Bob",
    tools: tuple[str, ...] = TOOLS,
    opened: tuple[str, ...] = (),
    **options,
) -> tuple[dict, dict]:
    """What a notebook stores of the plane: (data, metadata), each by MIME type.

    home     the village; the `dozen` by default
    caption  what to see and to try; alt: what the still picture shows, which stands there where no script may run
    sched    schedule.cosine() by default
    level    the noise level at first
    point    the noisy point at first: (x, y), or who it was; their noise is held until it is dragged
    tools    which of the groups of controls there are: "walk", "ways", "village", "look"; opened: which are open
    options  what the controls say at first: rest, first, steps, squares, seed, cloud, crowd, lines, flow

    Raises ValueError for an empty caption or alt, a level out of range, or a word that is none of these.
    """
    home, sched = home or dozen(), sched or schedule.cosine()
    if wrong := {*tools, *opened} - {*TOOLS} | options.keys() - START.keys():
        raise ValueError(f"the plane has no {', '.join(sorted(wrong))}; it has {', '.join((*TOOLS, *START))}")
    level = expect.count("level", level, 0, sched.T)
    start = START | options | {"level": level, "point": point}
    if isinstance(point, str):
        start["held"] = home.places[home.names.index(point)].tolist(), NOISE
        x0, noise = (torch.tensor(x).view(1, 1, 1, 2) for x in start["held"])
        start["point"] = sched.add_noise(x0, level, noise).flatten().tolist()
    xt = torch.tensor([start["point"]])
    p = posterior(home, xt, level, sched)[0].numpy() if level and start["lines"] else None
    content = {
        "names": home.names,
        "places": home.places.tolist(),
        "weights": home.weights,
        "colours": (255 * home.colours).round().tolist(),
        "faces": "data:image/png;base64," + plane_still.sheet(home.faces),
        "alphaBar": [float(str(a)) for a in sched.alpha_bar.numpy()],  # as many digits as float32 needs
        "controls": CONTROLS.read_text(encoding="utf-8"),
        "tools": tools,
        "open": opened,
        "start": start,
        "caption": caption,
        "alt": alt,
    }
    return pictures.with_script("The plane", plane_still.draw(home, xt[0], p), plane_still.WIDTH, content, SCRIPTS)
