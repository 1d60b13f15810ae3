"""Make the weights that lesson 4 asks, measure them, and write their card: python -m tools.pretrain_asking

The network of notebook 2 with one more input, what is asked for. It takes half an hour or so on a laptop; stop it
whenever you like, it goes on where it stopped.
"""

import json
from dataclasses import asdict
from hashlib import sha256

import torch

from helpers import guidance, sampler, schedule
from helpers.storage import files, weights
from helpers.world import judge, sprites
from tools.pretrain import Recipe, train

CARD = weights.ASKING.with_name("asking.json")
README = weights.ASKING.with_name("asking.md")
RECIPE = Recipe(steps=5_000, lr=4e-3, ema_decay=0.998)


def obeyed(net, world, sched, wish: torch.Tensor, n: int, w: float, seed: int = 1, steps: int = 25) -> dict:
    """n sprites drawn for a wish (A,), judged: shares obeyed (the nearest member has all that was asked), valid, and
    new of the valid."""
    g = torch.Generator().manual_seed(seed)
    *_, last = sampler.sample(guidance.guided(net, wish, w), sched, n=n, steps=steps, generator=g)
    report = judge.judge(last.xt, world, world.split()[0])
    has = (world.told()[report.nearest][:, wish >= 0] == wish[wish >= 0]).all(dim=1)
    valid = int(report.valid.sum())
    return {
        "obeyed": has.double().mean().item(),
        "valid": valid / n,
        "new": float(report.new.sum() / max(1, valid)),
    }


def described(net, world, sched, n: int, w: float, seed: int = 1, steps: int = 25) -> float:
    """Of n held-out sprites, each described by all its attributes and drawn once, the share that came out exactly."""
    g = torch.Generator().manual_seed(seed)
    held_out = world.split()[1]
    chosen = held_out[torch.randperm(len(held_out), generator=g)[:n].numpy()]
    net = guidance.guided(net, world.told()[chosen], w)
    *_, last = sampler.sample(net, sched, n=n, steps=steps, generator=g)
    report = judge.judge(last.xt, world, world.split()[0])
    return float((report.valid & (report.nearest == chosen)).mean())


def text(card: dict) -> str:
    """The card for people to read, in Markdown."""
    recipe = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in card["recipe"].items())
    exactly = card["described in full, exactly that sprite, of 256"]
    lines = [
        "# The network that can be asked",
        "",
        f"`{card['file']}`: the U-Net of `helpers/unet.py` with one more input, what is asked for; in half precision, "
        "made by `make weights`, trained on the 10,000 sprites of the training set and nothing else. CC0.",
        "",
        f"- recipe: {recipe}; the rest is as in `helpers/training.py`",
        f"- torch {card['torch']}, on a CPU. SHA-256: `{card['sha256']}`",
        "- 256 held-out sprites, each described by all ten attributes and drawn once: exactly that sprite in "
        + ", ".join(f"{share:.1%} ({w})" for w, share in exactly.items()),
        "",
        f"Asked for one option and nothing else, {card['samples for each']} samples in 25 steps. *Obeyed*: the nearest "
        "sprite has it. *New*: of the valid.",
        "",
        "| asked for | of the world | w = 1: obeyed | valid | new | w = 2: obeyed | valid | new |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, of in card["asked"].items():
        shares = [of["share of the world"]] + [
            of[w][what] for w in ("w=1", "w=2") for what in ("obeyed", "valid", "new")
        ]
        lines.append(f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Train, write the weights, measure what was written, write the card."""
    world, sched = sprites.load_world(), schedule.cosine(T=500)
    fingerprint = sprites.fingerprint(world.images[world.split()[0]])
    facts = {**asdict(RECIPE), "training sprites": fingerprint}
    weights.save(train(RECIPE, world, sched, listens=True), weights.ASKING, **facts)
    net = weights.load_pretrained(weights.ASKING)
    asked = {}
    for name, options in world.attributes.items():
        for option in options:
            share = float((world.labels[name] == options.index(option)).mean())
            of = {f"w={w:g}": obeyed(net, world, sched, world.wish(**{name: option}), 64, w) for w in (1, 2)}
            asked[f"{name}: {option}"] = {"share of the world": share, **of}
            print(name, option, asked[f"{name}: {option}"], flush=True)
    card = {
        "file": weights.ASKING.name,
        "sha256": sha256(weights.ASKING.read_bytes()).hexdigest(),
        "recipe": asdict(RECIPE),
        "training sprites": fingerprint,
        "torch": torch.__version__,
        "samples for each": 64,
        "asked": asked,
        "described in full, exactly that sprite, of 256": {
            f"w={w:g}": described(net, world, sched, 256, w) for w in (1, 2)
        },
    }
    for path, content in ((CARD, json.dumps(card, indent=1) + "\n"), (README, text(card))):
        files.replace(path, content.encode())
    print(text(card))


if __name__ == "__main__":
    main()
