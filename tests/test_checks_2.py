"""The checks of notebook 2: right answers pass, wrong ones get a hint that fits, empty ones are left alone."""

import numpy as np
import pytest
import torch

from helpers import schedule, training
from helpers.lesson import checks_2 as checks
from helpers.storage import weights
from helpers.world import sprites

SCHED = schedule.cosine(T=500)
A = SCHED.alpha_bar
WORLD = sprites.load_world()
FEW = WORLD.images[::40]  # 4,216 sprites, by which a level can be read without a network
MEAN_SQUARE = sprites.to_tensor(FEW).square().mean()
RIGHT_DIAGNOSIS = {"A": "wrong range", "B": "wrong schedule", "C": "missing root", "D": "level off by one step"}


# --- the training loss ----------------------------------------------------------------------------------------------


def error(net, x0, t, noise):
    return (net(SCHED.add_noise(x0, t, noise), t) - x0).square().mean(dim=(1, 2, 3))


def weight(t):
    return SCHED.snr(t).clamp(0.05, 5)


def in_place(net, x0, t, noise):
    a = A[t].view(-1, 1, 1, 1)
    xt = noise.mul_((1 - a).sqrt()).add_(a.sqrt() * x0)
    off = net(xt, t)
    off -= x0
    return (weight(t) * off.pow_(2).flatten(1).mean(1)).mean()


def sprite_by_sprite(net, x0, t, noise):
    losses = []
    for i in range(len(x0)):
        guess = net(SCHED.add_noise(x0[[i]], t[[i]], noise[[i]]), t[[i]])
        losses.append(((guess - x0[i]) ** 2).mean() * min(5, max(0.05, float(SCHED.snr(t[i])))))
    return sum(losses) / len(losses)


def by_torch(net, x0, t, noise):
    guess = net(SCHED.add_noise(x0, t, noise), t)
    off = torch.nn.functional.mse_loss(guess, x0, reduction="none").mean((1, 2, 3))
    return torch.dot(off, weight(t)) / len(t)


RIGHT_LOSSES = {
    "as the solution has it": lambda net, x0, t, noise: (weight(t) * error(net, x0, t, noise)).mean(),
    "in place": in_place,
    "sprite by sprite": sprite_by_sprite,
    "by torch's own": by_torch,
    "as numpy": lambda *given: RIGHT_LOSSES["by torch's own"](*given).numpy(),
    "as a plain number": lambda *given: by_torch(*given).item(),
    "in float64": lambda net, x0, t, noise: (weight(t).double() * error(net, x0, t, noise).double()).mean(),
    "with weights for every pixel": lambda net, x0, t, noise: (
        weight(t).view(-1, 1, 1, 1) * (x0 - net(SCHED.add_noise(x0, t, noise), t)) ** 2
    ).mean(),
    "the helper": lambda net, x0, t, noise: training.step_loss(net, training.Batch(x0, t, noise), SCHED),
    "weights by torch.minimum": lambda net, x0, t, noise: (
        torch.maximum(torch.minimum(SCHED.snr(t), torch.tensor(5)), torch.tensor(0.05)) * error(net, x0, t, noise)
    ).mean(),
}


@pytest.mark.parametrize("answer", RIGHT_LOSSES.values(), ids=RIGHT_LOSSES.keys())
def test_a_right_loss_is_accepted(answer):
    result = checks.training_loss(answer, SCHED)
    assert result.passed is True, result


def against(right_answer, shown=None):
    """A loss whose guess is compared with something else, or made of something else."""

    def loss(net, x0, t, noise):
        xt = SCHED.add_noise(x0, t, noise)
        named = {"x0": x0, "xt": xt, "noise": noise}
        off = net(named[shown or "xt"], t) - named[right_answer]
        return (weight(t) * off.square().mean(dim=(1, 2, 3))).mean()

    return loss


WRONG_LOSSES = [
    (against("xt"), "compared with xt"),
    (against("noise"), "takes the answer for the noise"),
    (against("x0", "x0"), "clean sprite"),
    (against("x0", "noise"), "noise alone"),
    (lambda net, x0, t, noise: error(net, x0, t, noise).mean(), "weight is missing"),
    (lambda net, x0, t, noise: weight(t) * error(net, x0, t, noise), "one loss for each"),
    (lambda net, x0, t, noise: weight(t).mean() * error(net, x0, t, noise).mean(), "its own weight"),
    (lambda net, x0, t, noise: (weight(t) * error(net, x0, t, noise)).sum(), "mean over the batch"),
    (lambda net, x0, t, noise: 768 * (weight(t) * error(net, x0, t, noise)).mean(), "mean over the pixels"),
    (lambda net, x0, t, noise: (weight(t) * error(net, x0, t, noise)).mean().sqrt(), "root"),
    (lambda net, x0, t, noise: (SCHED.snr(t) * error(net, x0, t, noise)).mean(), "at least 0.05 and at most 5"),
    (lambda net, x0, t, noise: (SCHED.snr(t).clamp(max=5) * error(net, x0, t, noise)).mean(), "lower bound"),
    (lambda net, x0, t, noise: (SCHED.snr(t).clamp(min=0.05) * error(net, x0, t, noise)).mean(), "upper bound"),
    (lambda net, x0, t, noise: (A[t].clamp(0.05, 5) * error(net, x0, t, noise)).mean(), "alpha_bar"),
    (lambda net, x0, t, noise: (weight(t)[0] * error(net, x0, t, noise)).mean(), "numbers are not"),
    (lambda net, x0, t, noise: 0.12, "numbers are not"),
    (lambda net, x0, t, noise: None, "return"),
    (lambda net, x0, t, noise: net.nonsense, "AttributeError"),
]


@pytest.mark.parametrize(("answer", "hint"), WRONG_LOSSES)
def test_a_wrong_loss_gets_a_hint_that_fits(answer, hint):
    result = checks.training_loss(answer, SCHED)
    assert result.passed is False and hint in result.message, result


# --- the level meter ------------------------------------------------------------------------------------------------


NET = weights.load_pretrained()


def strength(left, step=1):
    """The level whose noise has this variance."""
    return min(range(1, 500, step), key=lambda t: abs(float(left) - (1 - float(A[t]))))


def by_one_guess(xt):
    with torch.no_grad():
        guess = NET(xt, 200)
    return min(range(1, 500), key=lambda t: abs(float((xt - A[t].sqrt() * guess).square().mean() - (1 - A[t]))))


@torch.no_grad()
def by_consistency(xt):
    """The level whose implied noise has a variance of 1."""

    def off(t):
        left = (xt - A[t].sqrt() * NET(xt, t)) / (1 - A[t]).sqrt()
        return abs(left.square().mean().item() - 1)

    return min(range(10, 500, 10), key=off)


def knowing(off=0, kind=int):
    """Answers with the hidden levels, wrong by so many."""
    turn = iter(checks.HIDDEN)
    return lambda xt: kind(next(turn) + off)


RIGHT_METERS = {
    "by one guess": lambda: by_one_guess,
    "by the variance of the implied noise": lambda: by_consistency,
    "exact": lambda: knowing(),
    "rounded to tens": lambda: knowing(kind=lambda t: round(t, -1)),
    "twelve too high": lambda: knowing(12),
    "twelve too low": lambda: knowing(-12),
    "of numpy": lambda: knowing(kind=np.int64),
    "a tensor": lambda: knowing(kind=torch.tensor),
    "a list of one": lambda: knowing(kind=lambda t: [t]),
    "a fraction": lambda: knowing(0.5, float),
    "in place": lambda: lambda xt: by_one_guess(xt.mul_(1)),
}


@pytest.mark.parametrize("answer", RIGHT_METERS.values(), ids=RIGHT_METERS.keys())
def test_a_right_meter_is_accepted(answer):
    result = checks.level_meter(answer(), SCHED, WORLD)
    assert result.passed is True, result


WRONG_METERS = {
    "always the same": (lambda: lambda xt: 200, "whatever it is shown"),
    "a level for each": (lambda: lambda xt: torch.full((16,), 200), "One number"),
    "a share": (lambda: lambda xt: 1 - A[knowing()(xt)] * xt.std(), "shares, not levels"),
    "the picture's strength": (
        lambda: (
            lambda xt: min(
                range(500), key=lambda t: abs(float(xt.square().mean() - (A[t] * MEAN_SQUARE * 1.3 + 1 - A[t])))
            )
        ),
        "hidden levels",
    ),
    "all too high": (lambda: knowing(40), "too high"),
    "all too low": (lambda: knowing(-40), "too low"),
    "the noise's share taken for its root": (
        lambda: (lambda turn: lambda xt: strength((1 - A[next(turn)]).sqrt()))(iter(checks.HIDDEN)),
        "too high",
    ),
    "right but once": (
        lambda: (lambda turn: lambda xt: next(turn))(iter((*checks.HIDDEN[:4], 480))),
        "4 of five",
    ),
    "not a number": (lambda: lambda xt: float("nan"), "hidden levels"),
    "nothing": (lambda: lambda xt: None, "return"),
    "a word": (lambda: lambda xt: "200", "Return numbers"),
    "it stops": (lambda: lambda xt: xt.nonsense, "AttributeError"),
}


@pytest.mark.parametrize(("answer", "hint"), WRONG_METERS.values(), ids=WRONG_METERS.keys())
def test_a_wrong_meter_is_refused(answer, hint):
    result = checks.level_meter(answer(), SCHED, WORLD)
    assert result.passed is False and hint in result.message, result


# --- the same loss, said of the noise -------------------------------------------------------------------------------

RIGHT_WEIGHTS = {
    "as the solution has it": lambda snr: snr.clamp(max=5) / snr,
    "the other way": lambda snr: (5 / snr).clamp(max=1),
    "by minimum": lambda snr: torch.minimum(snr, torch.tensor(5.0)) / snr,
    "by where": lambda snr: torch.where(snr < 5, torch.ones_like(snr), 5 / snr),
    "in place": lambda snr: snr.reciprocal_().mul_(5).clamp_(max=1),
    "of numpy": lambda snr: np.minimum(snr.numpy(), 5) / snr.numpy(),
    "in float64": lambda snr: snr.double().clamp(max=5) / snr.double(),
    "of Python": lambda snr: (
        [[min(x, 5) / x for x in row] for row in snr.tolist()] if snr.ndim == 2 else of_python(snr)
    ),
}


def of_python(snr):
    return [min(x, 5) / x for x in snr.tolist()] if snr.ndim else min(snr.item(), 5) / snr.item()


@pytest.mark.parametrize("answer", RIGHT_WEIGHTS.values(), ids=RIGHT_WEIGHTS.keys())
def test_a_right_weight_is_accepted(answer):
    result = checks.noise_weight(answer)
    assert result.passed is True, result


WRONG_WEIGHTS = [
    (lambda snr: snr.clamp(max=5), "another number"),
    (lambda snr: snr.clamp(max=5) * snr, "other way round"),
    (lambda snr: 1 / snr, "undoes the SNR"),
    (lambda snr: 5 / snr, "below 5"),
    (lambda snr: snr.clamp(max=5) / (snr + 1), "right for v"),
    (lambda snr: snr / snr.clamp(max=5), "one divided"),
    (lambda snr: torch.ones_like(snr), "also where it should"),
    (lambda snr: snr.clamp(max=5).mean() / snr.mean(), "shape"),
    (lambda snr: snr.clamp(0.05, 5) / snr, "numbers are not"),
    (lambda snr: (snr.clamp(max=5) / snr).sqrt(), "numbers are not"),
    (lambda snr: min(snr, 5) / snr, "stopped with RuntimeError"),
    (lambda snr: None, "return"),
]


@pytest.mark.parametrize(("answer", "hint"), WRONG_WEIGHTS)
def test_a_wrong_weight_gets_a_hint_that_fits(answer, hint):
    result = checks.noise_weight(answer)
    assert result.passed is False and hint in result.message, result


# --- the clinic -----------------------------------------------------------------------------------------------------


def changed(**changes):
    return {**RIGHT_DIAGNOSIS, **changes}


RIGHT_DIAGNOSES = [
    changed(),
    changed(A=" Wrong range"),
    changed(A="WRONG RANGE", B="wrong-schedule"),
    changed(C="missing  root."),
    changed(D="Level off by one step!"),
    {name.lower(): of for name, of in RIGHT_DIAGNOSIS.items()},
    {f" {name} ": of for name, of in RIGHT_DIAGNOSIS.items()},
    dict(reversed(RIGHT_DIAGNOSIS.items())),
    {name: np.str_(of) for name, of in RIGHT_DIAGNOSIS.items()},
]


@pytest.mark.parametrize("diagnosis", RIGHT_DIAGNOSES)
def test_a_right_diagnosis_is_accepted(diagnosis):
    assert checks.clinic(diagnosis).passed is True


WRONG_DIAGNOSES = [
    (changed(A="missing root", C="wrong range"), "2 of 4 are right"),
    (changed(A="missing root", B="wrong range", C="wrong schedule"), "1 of 4 are right"),
    (
        {"A": "missing root", "B": "wrong range", "C": "level off by one step", "D": "wrong schedule"},
        "0 of 4 are right",
    ),
    (changed(B=...), "3 of 4 are right. Some are left open"),
    ({"A": "wrong range"}, "1 of 4 are right. Some are left open"),
    (dict.fromkeys("ABCD", "missing root"), "1 of 4 are right. No two"),
    (changed(A="a cold"), "none of the four"),
    (changed(A=3), "none of the four"),
    ([*RIGHT_DIAGNOSIS.values()], "as a dict"),
    ("missing root", "as a dict"),
]


@pytest.mark.parametrize(("diagnosis", "said"), WRONG_DIAGNOSES)
def test_of_a_wrong_diagnosis_only_is_said_how_many_are_right(diagnosis, said):
    result = checks.clinic(diagnosis)
    assert result.passed is False and said in result.message, result


EMPTY = [
    lambda: checks.training_loss(lambda net, x0, t, noise: ..., SCHED),
    lambda: checks.level_meter(lambda xt: ..., SCHED, WORLD),
    lambda: checks.noise_weight(lambda snr: ...),
    lambda: checks.clinic(dict.fromkeys("ABCD", ...)),
    lambda: checks.clinic(...),
]


@pytest.mark.parametrize("check", EMPTY)
def test_empty_answers_are_left_alone(check):
    assert check().passed is None
