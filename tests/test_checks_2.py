"""The checks of notebook 2: right answers pass, wrong ones get a hint that fits, empty ones are left alone."""

import numpy as np
import pytest
import torch

from helpers import schedule, unet
from helpers.lesson import checks_2 as checks
from helpers.world import sprites

SCHED = schedule.cosine(T=500)
NET = unet.UNet(16)
IMAGES = torch.rand(50, 3, 16, 16, generator=torch.Generator().manual_seed(0)) ** 2 * 2 - 1
FLOOR = (IMAGES - IMAGES.mean(0)).square().mean()
RIGHT_DIAGNOSIS = {"A": "missing root", "B": "level off by one step", "C": "wrong range"}


def implied_noise(f):
    return checks.implied_noise(f, SCHED)


def coarse_shape(shape):
    return checks.coarse_shape(shape, NET)


def last_floor(value):
    return checks.last_floor(value, IMAGES)


def clinic(**changes):
    return checks.clinic({**RIGHT_DIAGNOSIS, **changes})


RIGHT = {
    "implied_noise": lambda: implied_noise(lambda xt, x0, a: (xt - a**0.5 * x0) / (1 - a) ** 0.5),
    "coarse_shape": lambda: coarse_shape((32, 8, 8)),
    "coarse_shape, torch's": lambda: coarse_shape(torch.Size([32, 8, 8])),
    "running_mean": lambda: checks.running_mean(lambda mean, new, decay: decay * mean + (1 - decay) * new),
    "running_mean, as torch has it": lambda: checks.running_mean(lambda mean, new, decay: mean.lerp(new, 1 - decay)),
    "last_floor": lambda: last_floor(FLOOR),
    "last_floor, a plain number": lambda: last_floor(FLOOR.item()),
    "last_floor, of numpy": lambda: last_floor(np.float32(FLOOR)),
    "clinic": lambda: clinic(),
    "clinic, in capitals": lambda: clinic(A=" Missing root"),
}


@pytest.mark.parametrize("check", RIGHT.values(), ids=RIGHT.keys())
def test_right_answers_pass(check):
    result = check()
    assert result.passed is True, result


WRONG = [
    (implied_noise, lambda xt, x0, a: xt - a**0.5 * x0, "Divide by its weight"),
    (implied_noise, lambda xt, x0, a: xt - x0, "sprite is weaker"),
    (implied_noise, lambda xt, x0, a: (xt - x0) / (1 - a) ** 0.5, "sprite is weaker"),
    (implied_noise, lambda xt, x0, a: (xt - a * x0) / (1 - a) ** 0.5, "sprite lacks its square root"),
    (implied_noise, lambda xt, x0, a: (xt - a**0.5 * x0) / (1 - a), "noise lacks its square root"),
    (implied_noise, lambda xt, x0, a: (xt - (1 - a) ** 0.5 * x0) / a**0.5, "changed places"),
    (implied_noise, lambda xt, x0, a: xt, "numbers are not"),
    (implied_noise, lambda xt, x0, a: xt.nonsense, "AttributeError"),
    (coarse_shape, (1, 32, 8, 8), "Leave out the batch"),
    (coarse_shape, (8, 8), "three numbers"),
    (coarse_shape, 512, "three numbers"),
    (coarse_shape, (8, 8, 32), "come first"),
    (coarse_shape, (3, 8, 8), "How many channels"),
    (coarse_shape, (32, 16, 16), "fine path"),
    (coarse_shape, (32, 4, 4), "16 × 16"),
    (coarse_shape, (32, 2, 2), "how often"),
    (checks.running_mean, lambda mean, new, decay: (1 - decay) * mean + decay * new, "changed places"),
    (checks.running_mean, lambda mean, new, decay: decay * mean + new, "add up to 1"),
    (checks.running_mean, lambda mean, new, decay: mean + (1 - decay) * new, "give up"),
    (checks.running_mean, lambda mean, new, decay: (mean + new) / 2, "plain mean"),
    (checks.running_mean, lambda mean, new, decay: new, "newest"),
    (checks.running_mean, lambda mean, new, decay: 0.9 * mean + 0.1 * new, "numbers are not"),
    (last_floor, IMAGES.square().mean(), "plain grey"),
    (last_floor, (IMAGES - IMAGES.mean(0)).abs().mean(), "absolute"),
    (last_floor, FLOOR.sqrt(), "root"),
    (last_floor, (IMAGES - IMAGES.mean(0)).square().mean(0), "One number"),
    (last_floor, "much", "One number"),
    (last_floor, 0, "Not that number"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG)
def test_wrong_answers_get_a_hint(check, answer, hint):
    result = check(answer)
    assert result.passed is False and hint in result.message, result


def test_one_average_over_all_pixels_gets_a_hint():
    shaded = IMAGES + torch.linspace(-0.5, 0.5, 16)  # pixels differ from place to place, as in sprites
    result = checks.last_floor((shaded - shaded.mean()).square().mean(), shaded)
    assert result.passed is False and "dim=0" in result.message


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"A": "wrong range"}, "Patient A"),
        ({"A": "level off by one step", "B": "missing root"}, "Patient A"),
        ({"B": "wrong range"}, "Patient B"),
        ({"C": "missing root"}, "Patient C"),
        ({"C": ...}, "Patient C"),
        ({"C": "a cold"}, "none of the three"),
    ],
)
def test_a_wrong_diagnosis_gets_a_hint(changes, hint):
    result = clinic(**changes)
    assert result.passed is False and hint in result.message, result


EMPTY = [
    lambda: implied_noise(lambda xt, x0, a: ...),
    lambda: coarse_shape(...),
    lambda: checks.running_mean(lambda mean, new, decay: ...),
    lambda: last_floor(...),
    lambda: checks.clinic({"A": ..., "B": ..., "C": ...}),
]


@pytest.mark.parametrize("check", EMPTY)
def test_empty_answers_are_left_alone(check):
    assert check().passed is None


def test_the_solution_for_the_floor_is_right_for_the_world():
    world = sprites.load_world()
    some = sprites.to_tensor(world.images[:2000])
    assert checks.last_floor((some - some.mean(0)).square().mean(), some).passed
