"""Each check of notebook 3 accepts right answers, refuses wrong ones with a fitting hint, lets an empty one be."""

import numpy as np
import pytest
import torch

from helpers import sampler, schedule
from helpers.lesson import checks_3 as checks
from helpers.storage import weights
from helpers.world import judge, sprites

SCHED = schedule.cosine(T=500)
LADDER = sampler.levels(500, 25)


def ddim_step(f):
    return checks.ddim_step(f, SCHED)


def no_grain(f):
    return checks.no_grain(f, SCHED)


def culprit(level):
    return checks.culprit(level, LADDER)


@pytest.fixture(scope="module")
def mix_off():
    """What notebook 3 hands to the check of the start: the network draws, the judge counts. Slow."""
    net, world = weights.load_pretrained(), sprites.load_world()

    def off(x):
        *_, last = sampler.sample(net, SCHED, steps=10, eta=0.0, xt=x)
        index = judge.nearest(last.xt, world.images).numpy()
        table = judge.count_options(world, index)
        return float(np.mean([sum(abs(a - b) for a, b in of.values()) / 2 for of in table.values()]))

    return off


# --- a step down ----------------------------------------------------------------------------------------------------


def noise_in(xt, x0, a_t):
    return (xt - a_t**0.5 * x0) / (1 - a_t) ** 0.5


def ddim(xt, x0, a_t, a_s):
    return a_s**0.5 * x0 + (1 - a_s) ** 0.5 * noise_in(xt, x0, a_t)


def ddim_in_place(xt, x0, a_t, a_s):
    xt -= a_t.sqrt() * x0
    xt /= (1 - a_t).sqrt()
    xt *= (1 - a_s).sqrt()
    return xt.add_(x0.mul_(a_s.sqrt()))


def ddim_by_picture(xt, x0, a_t, a_s):
    return [ddim(x, y, a_t, a_s) for x, y in zip(xt, x0, strict=True)]


def ddim_collected(xt, x0, a_t, a_s):
    r = ((1 - a_s) / (1 - a_t)) ** 0.5
    return r * xt + (a_s**0.5 - r * a_t**0.5) * x0


RIGHT_STEPS = {
    "two lines": ddim,
    "in place": ddim_in_place,
    "picture by picture": ddim_by_picture,
    "collected": ddim_collected,
    "numpy": lambda xt, x0, a_t, a_s: ddim(xt.numpy(), x0.numpy(), a_t.numpy(), a_s.numpy()),
    "float64": lambda xt, x0, a_t, a_s: ddim(xt.double(), x0.double(), a_t, a_s),
    "floats": lambda xt, x0, a_t, a_s: ddim(xt, x0, float(a_t), float(a_s)),
    "the helper's": lambda xt, x0, a_t, a_s: sampler.step_down(
        xt, x0, 1, 0, schedule.Schedule(torch.stack([a_s, a_t]), torch.zeros(2)), 0, 0 * xt
    ),
}


@pytest.mark.parametrize("answer", RIGHT_STEPS.values(), ids=RIGHT_STEPS.keys())
def test_right_steps_pass(answer):
    assert ddim_step(answer).passed is True, ddim_step(answer)


WRONG_STEPS = [
    (lambda xt, x0, a_t, a_s: a_s**0.5 * x0 + (1 - a_t) ** 0.5 * noise_in(xt, x0, a_t), "still as strong"),
    (lambda xt, x0, a_t, a_s: xt, "same level"),
    (lambda xt, x0, a_t, a_s: a_s**0.5 * x0 + (1 - a_s) ** 0.5 * xt, "xt itself"),
    (lambda xt, x0, a_t, a_s: a_s**0.5 * x0 + (1 - a_s) ** 0.5 * (xt - a_t**0.5 * x0), "Divide by that"),
    (lambda xt, x0, a_t, a_s: a_s**0.5 * x0 + (1 - a_s) ** 0.5 * (xt - x0) / (1 - a_t) ** 0.5, "only that much"),
    (lambda xt, x0, a_t, a_s: a_s * x0 + (1 - a_s) * noise_in(xt, x0, a_t), "square roots"),
    (lambda xt, x0, a_t, a_s: noise_in(xt, x0, a_t), "Now mix it"),
    (lambda xt, x0, a_t, a_s: x0, "one jump"),
    (lambda xt, x0, a_t, a_s: 2 * x0, "numbers are not"),
    (lambda xt, x0, a_t, a_s: ddim(xt, x0, SCHED.alpha_bar[300], a_s), "numbers are not"),  # right at one level only
    (lambda xt, x0, a_t, a_s: ddim(xt, x0, a_t, SCHED.alpha_bar[250]), "numbers are not"),
    (lambda xt, x0, a_t, a_s: ddim(xt, x0, a_s, a_t), "numbers are not"),  # swapped
    (lambda xt, x0, a_t, a_s: ddim(xt[:3], x0[:3], a_t, a_s)[:1], "shape should be"),
    (lambda xt, x0, a_t, a_s: x0[0], "shape should be"),
    (lambda xt, x0, a_t, a_s: xt.nothing, "AttributeError"),
    (lambda xt, x0, a_t, a_s: None, "returns nothing"),
]


@pytest.mark.parametrize(("answer", "hint"), WRONG_STEPS)
def test_wrong_steps_are_refused_with_a_fitting_hint(answer, hint):
    result = ddim_step(answer)
    assert result.passed is False and hint in result.message, result


# --- which step -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "level", [500, 500.0, np.int64(500), np.float32(500), torch.tensor(500), torch.tensor([500]), np.array(500), [500]]
)
def test_the_first_step_is_the_culprit_however_it_is_written(level):
    assert culprit(level).passed is True, culprit(level)


@pytest.mark.parametrize(
    ("level", "hint"),
    [
        (480, "from level 480 alone"),
        (240, "from level 240 alone"),
        (20, "from level 20 alone"),
        (np.int64(260), "from level 260 alone"),
        (0, "picture is finished"),
        (1, "No step begins at level 1"),
        (490, "No step begins at level 490"),
        (499.5, "No step begins at level 499.5"),
        (-500, "No step begins"),
        ("the first", "One number is wanted"),
        ([500, 480], "One number is wanted"),
        (None, "One number is wanted"),
    ],
)
def test_another_step_is_not(level, hint):
    assert culprit(level).passed is False and hint in culprit(level).message, culprit(level)


# --- grain ----------------------------------------------------------------------------------------------------------


def given(xt, x0, a_t, a_s, fresh):
    """The step with grain, as the notebook hands it out."""
    beta = 1 - a_t / a_s
    keep = (a_t / a_s) ** 0.5 * (1 - a_s) / (1 - a_t)
    return a_s**0.5 * beta / (1 - a_t) * x0 + keep * xt + beta**0.5 * fresh


def asks_for_the_end(xt, x0, a_t, a_s, fresh):
    return x0 if a_s == 1 else given(xt, x0, a_t, a_s, fresh)


def silent_at_the_end(xt, x0, a_t, a_s, fresh):
    return given(xt, x0, a_t, a_s, fresh * (a_s < 1))


def silent_in_place(xt, x0, a_t, a_s, fresh):
    if a_s >= 1:
        fresh.zero_()
    return given(xt, x0, a_t, a_s, fresh).mul_(1)


def smaller(xt, x0, a_t, a_s, fresh):
    sigma = ((1 - a_s) / (1 - a_t) * (1 - a_t / a_s)) ** 0.5
    return a_s**0.5 * x0 + (1 - a_s - sigma**2).clamp(min=0) ** 0.5 * noise_in(xt, x0, a_t) + sigma * fresh


def close_to_one(xt, x0, a_t, a_s, fresh):
    return x0 if torch.isclose(a_s, torch.ones_like(a_s), atol=1e-7) else given(xt, x0, a_t, a_s, fresh)


def as_numpy(xt, x0, a_t, a_s, fresh):
    return asks_for_the_end(*(x.numpy() for x in (xt, x0, a_t, a_s, fresh)))


RIGHT_REPAIRS = {
    "asks for the end": asks_for_the_end,
    "silent at the end": silent_at_the_end,
    "in place": silent_in_place,
    "the smaller variance": smaller,
    "close to one": close_to_one,
    "numpy": as_numpy,
    "the smaller variance at the end only": lambda *a: smaller(*a) if a[3] == 1 else given(*a),
    "by 1 - a_s": lambda xt, x0, a_t, a_s, fresh: given(xt, x0, a_t, a_s, fresh) if 1 - a_s > 0 else x0.clone(),
    "picture by picture": lambda xt, x0, a_t, a_s, fresh: [
        asks_for_the_end(x, y, a_t, a_s, z) for x, y, z in zip(xt, x0, fresh, strict=True)
    ],
}


@pytest.mark.parametrize("answer", RIGHT_REPAIRS.values(), ids=RIGHT_REPAIRS.keys())
def test_right_repairs_pass(answer):
    assert no_grain(answer).passed is True, no_grain(answer)


WRONG_REPAIRS = [
    (lambda xt, x0, a_t, a_s, fresh: given(xt, x0, a_t, a_s, fresh / 2), "still not clean"),
    (lambda xt, x0, a_t, a_s, fresh: xt if a_s == 1 else given(xt, x0, a_t, a_s, fresh), "still not clean"),
    (lambda xt, x0, a_t, a_s, fresh: given(xt, x0, a_t, a_s, 0 * fresh), "forgets it"),
    (lambda xt, x0, a_t, a_s, fresh: x0, "numbers have changed"),
    (lambda xt, x0, a_t, a_s, fresh: x0 if a_s > 0.99 else given(xt, x0, a_t, a_s, fresh), "numbers have changed"),
    (
        lambda xt, x0, a_t, a_s, fresh: x0 if abs(a_t - SCHED.alpha_bar[50]) < 1e-6 else given(xt, x0, a_t, a_s, fresh),
        "for others not",  # right in ten steps only
    ),
    (lambda xt, x0, a_t, a_s, fresh: ddim(xt, x0, a_t, a_s), "numbers have changed"),
    (lambda xt, x0, a_t, a_s, fresh: given(xt, x0, a_t, a_s, fresh * (1 - a_s) ** 0.5), "numbers have changed"),
    (lambda xt, x0, a_t, a_s, fresh: x0 if a_s == 1 else None, "returns nothing"),
    (lambda xt, x0, a_t, a_s, fresh: 1.0, "shape should be"),
    (lambda xt, x0, a_t, a_s, fresh: xt @ torch.zeros(5, 5), "RuntimeError"),
]


@pytest.mark.parametrize(("answer", "hint"), WRONG_REPAIRS)
def test_wrong_repairs_are_refused_with_a_fitting_hint(answer, hint):
    result = no_grain(answer)
    assert result.passed is False and hint in result.message, result


def test_the_sampler_to_repair_is_told_what_is_wrong_with_it_but_not_off_and_not_where():
    result = no_grain(given)
    assert result.passed is None and "grain" in result.message and "last" not in result.message


# --- a start that spoils the mix ------------------------------------------------------------------------------------


def spikes(bell):
    g = torch.Generator().manual_seed(3)
    sign = torch.randn(bell.shape, generator=g).sign()
    return 16 * sign * (torch.rand(bell.shape, generator=g) < 1 / 256)


def checkers(bell):
    squares = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(8, 8)
    return bell[:, :1, :1, :1] * squares * torch.ones_like(bell)


def in_place(bell):
    bell[:] = bell[:, :, :1, :1].clone()
    return bell


RIGHT_STARTS = {
    "four blocks": lambda x: x[:, :, ::8, ::8].repeat_interleave(8, dim=2).repeat_interleave(8, dim=3),
    "a constant": lambda x: x[:, :1, :1, :1].expand_as(x),
    "a colour, in place": in_place,
    "spikes": spikes,
    "checkers": checkers,
    "bands": lambda x: x[:, :1, ::4, :1].repeat_interleave(4, dim=2).expand_as(x),
    "numpy": lambda x: np.broadcast_to(x.numpy()[:, :1, :1, :1], x.shape).copy(),
    "picture by picture": lambda x: [one[0, 0, 0].expand(3, 16, 16) for one in x],
}


@pytest.mark.parametrize("answer", RIGHT_STARTS.values(), ids=RIGHT_STARTS.keys())
def test_starts_that_spoil_the_mix_pass(answer, mix_off):
    assert checks.spoilt(answer, mix_off).passed is True, checks.spoilt(answer, mix_off)


WRONG_STARTS = [
    (lambda x: x, "is only"),
    (lambda x: x.sign(), "is only"),
    (lambda x: x.flip(0) * x.roll(1, 0), "is only"),
    (lambda x: x / 10, "have variance 1; yours have 0.01"),
    (lambda x: 6 * x, "have variance 1; yours have 3"),
    (lambda x: x + 1, "have mean 0"),
    (lambda x: torch.zeros_like(x), "yours have 0.00"),
    (lambda x: x[:1].expand_as(x), "variance 1; yours have 0.00"),  # the same noise for all
    (lambda x: x[:1], "shape should be"),
    (lambda x: x / 0, "finite"),
    (lambda x: x[:, :, :, :1].expand(5, 3, 16, 16), "RuntimeError"),  # right for five only
    (lambda x: None, "returns nothing"),
    (lambda x: x.nothing, "AttributeError"),
]


@pytest.mark.parametrize(("answer", "hint"), WRONG_STARTS)
def test_other_starts_are_refused_with_a_fitting_hint(answer, hint, mix_off):
    result = checks.spoilt(answer, mix_off)
    assert result.passed is False and hint in result.message, result


def test_where_the_world_is_unknown_nobody_can_say():
    assert checks.spoilt(RIGHT_STARTS["a constant"], lambda x: float("nan")).passed is None


# --- all ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [ddim_step, no_grain, lambda f: checks.spoilt(f, None)])
def test_an_empty_function_is_let_be(check):
    assert check(lambda *_: ...).passed is None


def test_an_empty_answer_is_let_be():
    assert culprit(...).passed is None


def test_what_a_check_says_begins_with_its_mark():
    assert repr(ddim_step(ddim)).startswith("✓ Right.") and repr(ddim_step(lambda *_: None)).startswith("✗ Not yet.")


@pytest.mark.parametrize(("t", "s"), [(500, 400), (300, 290), (25, 0)])
def test_the_right_answers_are_the_samplers_own(t, s):
    """What the checks accept is what `sampler.step_down` does."""
    xt, x0, noise = torch.randn(3, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    a_t, a_s = SCHED.alpha_bar[[t, s]].double()
    assert torch.allclose(ddim(xt, x0, a_t, a_s), sampler.step_down(xt, x0, t, s, SCHED, 0, noise), atol=1e-5)
    ours = checks.ho_step(xt, x0, a_t, a_s, noise, small=True)
    assert torch.allclose(ours, sampler.step_down(xt, x0, t, s, SCHED, 1, noise), atol=1e-5)
