"""Make the weights that come with Inkdrop, measure them, and write their card (`make weights`).

The recipe is that of notebook 2 with more steps. It takes an hour or so on a laptop; stop it whenever you like, it
goes on where it stopped. On another machine the weights come out a little different, and so do the figures.
"""

import json
from collections import deque
from dataclasses import asdict, dataclass
from hashlib import sha256

import numpy as np
import torch

from helpers import sampler, schedule, training, unet
from helpers.lesson import progress
from helpers.storage import files, resume, weights
from helpers.world import ideal, judge, sprites

CARD = weights.SHIPPED.with_name("card.json")
README = weights.SHIPPED.with_name("README.md")
LEVELS = tuple(range(20, 501, 20))


@dataclass(frozen=True)
class Recipe:
    """What the weights are made from. `seed` decides on first weights, images, levels and noise."""

    channels: int = 64
    steps: int = 30_000
    batch: int = 64
    lr: float = 3e-3
    ema_decay: float = 0.999
    seed: int = 0


def train(recipe: Recipe, world, sched, listens: bool = False) -> torch.nn.Module:
    """The network after all steps of the recipe; goes on where it was stopped. `listens`: told what the sprites are."""
    train_idx = world.split()[0]
    images = sprites.to_tensor(world.images[train_idx])
    options, labels = (world.options(), world.told()[train_idx]) if listens else ((), None)
    net = unet.UNet(recipe.channels, generator=torch.Generator().manual_seed(recipe.seed), options=options)
    run = training.Run(
        net,
        images,
        sched,
        torch.Generator().manual_seed(recipe.seed),
        steps=recipe.steps,
        batch_size=recipe.batch,
        lr=recipe.lr,
        ema_decay=recipe.ema_decay,
        labels=labels,
    )
    deque(progress.watch(resume.kept(run, every=250), quiet=False), maxlen=0)
    return run.ema


def quality(net, world, sched, n: int, seed: int = 1, steps: int = 50) -> dict:
    """Samples from pure noise, judged: shares valid, new (of the valid), distinct (of the valid)."""
    generator = torch.Generator().manual_seed(seed)
    *_, last = sampler.sample(net, sched, n=n, steps=steps, generator=generator)
    report = judge.judge(last.xt, world, world.split()[0])
    valid = int(report.valid.sum())
    return {
        "samples": n,
        "sampling steps": steps,
        "seed": seed,
        "valid": valid / n,
        "new": float(report.new.sum() / max(1, valid)),
        "distinct": report.distinct / max(1, valid),
        "median distance": float(np.median(report.distance)),
    }


@torch.no_grad()
def errors(net, world, sched, n: int, levels=LEVELS, seed: int = 2) -> list[dict]:
    """Mean squared error on n held-out and n training sprites by level, and the floor: the exact answer's error on the
    same noisy held-out sprites."""
    train_idx, held_out_idx = world.split()
    generator = torch.Generator().manual_seed(seed)
    x0, seen = (
        sprites.to_tensor(world.images[idx[torch.randperm(len(idx), generator=generator)[:n].numpy()]])
        for idx in (held_out_idx, train_idx)
    )
    rows = []
    for t in levels:
        noise = torch.randn(x0.shape, generator=generator)
        xt = sched.add_noise(x0, t, noise)
        guesses = {
            "held out": (net(xt, t), x0),
            "training": (net(sched.add_noise(seen, t, noise), t), seen),
            "floor": (ideal.denoise(xt, t, world.images, sched), x0),
        }
        rows.append({"level": t, **{name: (a - b).square().mean().item() for name, (a, b) in guesses.items()}})
    return rows


def text(card: dict) -> str:
    """The card for people to read, in Markdown."""
    recipe = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in card["recipe"].items())
    quality = card["quality"]
    lines = [
        "# The network that comes with Inkdrop",
        "",
        f"`{card['file']}` holds the weights of the U-Net in `helpers/unet.py`, in half precision, made by "
        "`make weights`: trained on the 10,000 sprites of the training set and nothing else. CC0, like the sprites.",
        "",
        f"- recipe: {recipe}; the rest is as in `helpers/training.py`",
        f"- torch {card['torch']}, on a CPU",
        f"- SHA-256: `{card['sha256']}`",
        f"- of {quality['samples']:,} samples drawn from pure noise in {quality['sampling steps']} steps (seed "
        f"{quality['seed']}): {quality['valid']:.1%} valid, {quality['new']:.1%} of these new, "
        f"{quality['distinct']:.1%} distinct; median distance "
        f"from the nearest member {quality['median distance']:.3f} RMS",
        "",
        "Mean squared error of the guess of the sprite, beside that of the best possible answer (the floor) on "
        "the same noisy sprites:",
        "",
        "| level | held out | training set | floor | held out / floor |",
        "|---|---|---|---|---|",
    ]
    for row in card["errors"]:
        ratio = f"{row['held out'] / row['floor']:.2f}" if row["floor"] >= 1e-3 else "floor under 0.001"
        numbers = " | ".join(f"{row[name]:.4f}" for name in ("held out", "training", "floor"))
        lines.append(f"| {row['level']} | {numbers} | {ratio} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Train, write the weights, measure what was written, write the card."""
    recipe, world, sched = Recipe(), sprites.load_world(), schedule.cosine(T=500)
    fingerprint = sprites.fingerprint(world.images[world.split()[0]])
    facts = {**asdict(recipe), "training sprites": fingerprint}
    weights.save(train(recipe, world, sched), weights.SHIPPED, **facts)
    net = weights.load_pretrained()
    card = {
        "file": weights.SHIPPED.name,
        "sha256": sha256(weights.SHIPPED.read_bytes()).hexdigest(),
        "recipe": asdict(recipe),
        "training sprites": fingerprint,
        "torch": torch.__version__,
        "quality": quality(net, world, sched, n=2000),
        "errors": errors(net, world, sched, n=256),
    }
    for path, content in ((CARD, json.dumps(card, indent=1) + "\n"), (README, text(card))):
        files.replace(path, content.encode())
    print(text(card))


if __name__ == "__main__":
    main()
