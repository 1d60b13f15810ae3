"""The weights that come with Inkdrop do what their card says: all of it is measured again, on fewer sprites."""

import json
from hashlib import sha256

import pytest

from helpers import schedule
from helpers.storage import files, weights
from helpers.world import sprites
from tools import pretrain


@pytest.fixture(scope="module")
def card():
    return json.loads(pretrain.CARD.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def world():
    return sprites.load_world()


def test_the_card_belongs_to_the_file_and_the_file_to_the_training_set(card, world):
    content = weights.SHIPPED.read_bytes()
    assert card["sha256"] == sha256(content).hexdigest()
    assert len(content) <= 5_000_000
    assert weights.facts(weights.SHIPPED)["training sprites"] == card["training sprites"]
    images = sprites.to_tensor(world.images[world.split()[0]])
    assert card["training sprites"] == files.fingerprint(images), "the world has changed: run `make weights`"
    assert pretrain.README.read_text(encoding="utf-8") == pretrain.text(card)


def test_what_the_card_states_is_good_enough(card):
    """The aims are 99 % valid, which they reach, and 1.15 times the floor wherever it is above 0.01, which they do not
    everywhere: benchmarks/README.md says how far off they are. Here stands what they must never fall behind."""
    assert card["quality"]["samples"] >= 2000
    assert card["quality"]["valid"] >= 0.99
    assert card["quality"]["new"] >= 0.9
    for row in card["errors"]:
        ratio = row["held out"] / max(row["floor"], 1e-12)
        assert row["floor"] < 0.15 or ratio <= 1.15, row
        assert row["floor"] < 1e-3 or ratio <= 2, row


def test_the_file_does_what_the_card_states(card, world):
    net, sched = weights.load_pretrained(), schedule.cosine(T=500)
    again = pretrain.quality(net, world, sched, n=128, seed=5)
    assert again["valid"] >= 0.96  # of 128: five misses, where one is expected
    assert again["new"] >= 0.85
    levels = (200, 300, 400, 500)
    stated = [row["held out"] for row in card["errors"] if row["level"] in levels]
    measured = [row["held out"] for row in pretrain.errors(net, world, sched, n=64, levels=levels, seed=5)]
    assert measured == pytest.approx(stated, rel=0.35)  # a few sprites that are easily confused weigh much
