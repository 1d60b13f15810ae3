"""How near the network that comes with Inkdrop is to the best answer that there is, by noise level.

    python -m benchmarks.floor

The mean squared error of its guess on held-out sprites, over that of the exact answer on the same noisy sprites, which
knows the whole world (`ideal.denoise`). Prints the figures.
"""

import json
from pathlib import Path

from helpers import schedule
from helpers.storage import weights
from helpers.world import sprites
from tools.pretrain import errors

OUT = Path(__file__).with_suffix(".json")
SPRITES = 256


def read() -> list[dict]:
    """For each level: the errors, and their ratio where the floor is at least 0.001; None below."""
    found = errors(weights.load_pretrained(), sprites.load_world(), schedule.cosine(), SPRITES)
    for row in found:
        row["ratio"] = row["held out"] / row["floor"] if row["floor"] >= 1e-3 else None
    return found


if __name__ == "__main__":
    print(json.dumps(read(), indent=2))
