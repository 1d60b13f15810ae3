"""Whose network draws: ours, or the learner's, where it fits the sprites."""

import numpy as np
import pytest
import torch

from helpers import unet
from helpers.lesson import network
from helpers.storage import weights
from helpers.world import sprites


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """mine(world): a learner's network, trained on this world's training sprites, is kept; returns it."""

    def keep(world):
        net = unet.UNet(generator=torch.Generator().manual_seed(0), channels=32)
        of_these = sprites.fingerprint(world.images[world.split()[0]])
        weights.save(net, weights.own_path(), **{"training sprites": of_these})
        return net

    monkeypatch.setenv("INKDROP_CACHE", str(tmp_path))
    return keep


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Ours, and a learner's of ten sprites."""
    file = tmp_path_factory.mktemp("own") / "own.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, (10, 16, 16, 3), dtype=np.uint8))
    return sprites.load_world(), sprites.load(file)


def size(guess):
    return sum(weight.numel() for weight in guess.net.parameters())


def test_ours_draws_our_sprites_and_says_nothing(worlds, mine, capsys):
    ours, _ = worlds
    small = mine(ours)
    guess, shipped = network.load(ours)
    assert shipped and size(guess) > sum(weight.numel() for weight in small.parameters())
    assert capsys.readouterr().out == ""
    xt = torch.randn(2, 3, 16, 16, requires_grad=True)
    answer = guess(xt, torch.tensor([10, 500]))
    assert answer.shape == xt.shape and not answer.requires_grad


def test_the_learners_draws_where_it_is_asked_for_or_where_the_sprites_are_theirs(worlds, mine, capsys):
    for world, wanted in zip(worlds, ("mine", None), strict=True):
        small = mine(world)
        guess, shipped = network.load(world, wanted)
        assert not shipped and size(guess) == sum(weight.numel() for weight in small.parameters())
        assert "you trained" in capsys.readouterr().out


@pytest.mark.parametrize("wanted", [None, "mine"])
def test_a_network_of_other_sprites_does_not(worlds, mine, capsys, wanted):
    ours, theirs = worlds
    mine(ours)
    guess, shipped = network.load(theirs, wanted)
    assert not shipped and size(guess) > 1e6
    assert "Ours draws here" in capsys.readouterr().out
