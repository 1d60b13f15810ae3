"""The checks of notebook 4: right answers in many forms, wrong ones with a fitting hint, empty ones let be."""

import numpy as np
import pytest
import torch

from helpers.lesson import checks_4 as checks
from helpers.lesson.checks_4 import share_due


def loop(p, has):
    total = 0.0
    for row in p:
        for chance, yes in zip(row, has, strict=True):
            total += float(chance) * bool(yes)
    return total / len(p)


def in_place(p, has):
    p[:, ~has] = 0
    return p.sum() / len(p)


RIGHT = {
    "picked": lambda p, has: p[:, has].sum(dim=1).mean(),
    "picked, all at once": lambda p, has: p[:, has].sum() / len(p),
    "as a product": lambda p, has: (p @ has.float()).mean(),
    "multiplied": lambda p, has: (p * has).sum(1).mean(),
    "averaged first": lambda p, has: p.mean(0)[has].sum(),
    "where": lambda p, has: torch.where(has, p, 0.0).sum(dim=-1).mean(),
    "numpy": lambda p, has: p.numpy()[:, has.numpy()].sum(axis=1).mean(),
    "a number": lambda p, has: p[:, has].sum(dim=1).mean().item(),
    "double": lambda p, has: p.double()[:, has].sum(dim=1).mean(),
    "the others taken away": lambda p, has: 1 - p[:, ~has].sum(dim=1).mean(),
    "a loop": loop,
    "in place": in_place,
}


@pytest.mark.parametrize("answer", RIGHT.values(), ids=RIGHT.keys())
def test_right_answers_pass(answer):
    result = share_due(answer)
    assert result.passed is True, result
    assert repr(result).startswith("✓ Right.")


WRONG = [
    (lambda p, has: has[p.argmax(dim=1)].float().mean(), "only who is likeliest"),
    (lambda p, has: p[:, has].mean(), "add up"),
    (lambda p, has: has.float().mean(), "how common the option is"),
    (lambda p, has: p[:, has].sum(), "divide by how many there are"),
    (lambda p, has: p[:, has].sum(dim=1), "for each picture"),
    (lambda p, has: p[:, ~has].sum(dim=1).mean(), "without it"),
    (lambda p, has: p[:, has].sum(dim=1).max(), "numbers are not"),
    (lambda p, has: 0.4, "numbers are not"),
    (lambda p, has: p[:6, has].sum(dim=1).mean(), "numbers are not"),  # right for the first size alone
    (lambda p, has: p[:, has].sum(dim=0), "shape"),
    (lambda p, has: None, "returns nothing"),
    (lambda p, has: p[has].sum(), "IndexError"),
    (lambda p, has: "often", "Return numbers"),
    (lambda p, has: np.nan, "numbers are not"),
]


@pytest.mark.parametrize(("answer", "hint"), WRONG)
def test_wrong_answers_are_refused_with_a_fitting_hint(answer, hint):
    result = share_due(answer)
    assert result.passed is False, result
    assert hint in result.message


def test_an_empty_answer_is_let_be():
    assert share_due(lambda p, has: ...).passed is None


def said(result):
    return result.passed, result.message


# --- the best answer, given a wish ----------------------------------------------------------------------------------


def weighted(p, images):
    return (p.view(-1, 1, 1, 1) * images).sum(dim=0)


def given_in_place(p, images, members):
    p[~members] = 0
    p /= p.sum()
    return weighted(p, images)


def over_the_members_alone(p, images, members):
    return weighted(p[members] / p[members].sum(), images[members])


RIGHT_GIVEN = [
    given_in_place,
    over_the_members_alone,
    lambda p, x, m: weighted(p * m / (p * m).sum(), x),
    lambda p, x, m: weighted(torch.where(m, p, 0) / p[m].sum(), x),
    lambda p, x, m: weighted(p * m, x) / (p * m).sum(),
    lambda p, x, m: np.einsum("m,mchw->chw", (p * m / p[m].sum()).numpy(), x.numpy()),
    lambda p, x, m: weighted(p * m / (p * m).sum(), x).tolist(),
    lambda p, x, m: torch.tensordot((p * m / (p * m).sum()).double(), x.double(), dims=1),
    lambda p, x, m: weighted((p.log().masked_fill(~m, -torch.inf)).softmax(0), x),
]


@pytest.mark.parametrize("answer", RIGHT_GIVEN)
def test_the_average_over_the_members_is_accepted(answer):
    assert checks.best_given(answer).passed is True


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda p, x, m: weighted(p * m, x), "divide by its sum"),
        (lambda p, x, m: weighted(p, x), "when nothing was asked"),
        (lambda p, x, m: x[m].mean(dim=0), "plain average of the members"),
        (lambda p, x, m: x[(p * m).argmax()], "likeliest member"),
        (lambda p, x, m: over_the_members_alone(p, x, ~m), "out of the question"),
        (lambda p, x, m: over_the_members_alone(p, x, m)[None], "shape should be"),
        (lambda p, x, m: None, "return"),
        (lambda p, x, m: p.no_such, "AttributeError"),
        (lambda p, x, m: weighted(p * m / m.sum(), x), "numbers are not"),
    ],
)
def test_another_average_is_refused(answer, hint):
    passed, message = said(checks.best_given(answer))
    assert passed is False and hint in message


# --- guidance -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        lambda net, x, t, c, w: net(x, t) + w * (net(x, t, c) - net(x, t)),
        lambda net, x, t, c, w: (1 - w) * net(x, t) + w * net(x, t, c),
        lambda net, x, t, c, w: net(x, t, c) + (w - 1) * (net(x, t, c) - net(x, t)),
        lambda net, x, t, c, w: torch.lerp(net(x, t), net(x, t, c), w),
        lambda net, x, t, c, w: (net(x, t) + w * (net(x, t, c) - net(x, t))).numpy(),
        lambda net, x, t, c, w: net(x, t).double() + w * (net(x, t, context=c) - net(x, t)).double(),
        lambda net, x, t, c, w: net(x, t).add_(w * (net(x, t, c) - net(x, t))),
        lambda net, x, t, c, w: w * net(x, t, c) - (w - 1) * net(x, t),
    ],
)
def test_guidance_in_many_forms_is_accepted(answer):
    assert checks.guided_guess(answer).passed is True


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda net, x, t, c, w: net(x, t, c) + w * (net(x, t) - net(x, t, c)), "ends have changed"),
        (lambda net, x, t, c, w: net(x, t, c) + w * (net(x, t, c) - net(x, t)), "Ho and Salimans"),
        (lambda net, x, t, c, w: w * (net(x, t, c) - net(x, t)), "difference alone"),
        (lambda net, x, t, c, w: net(x, t, c), "whatever w is"),
        (lambda net, x, t, c, w: net(x, t), "never asks"),
        (lambda net, x, t, c, w: net(x, t) + w * net(x, t, c), "add up to 1"),
        (lambda net, x, t, c, w: net(x, t, c, w), "TypeError"),
        (lambda net, x, t, c, w: net(x, t) + 3 * (net(x, t, c) - net(x, t)), "numbers are not"),
    ],
)
def test_other_mixes_are_refused(answer, hint):
    passed, message = said(checks.guided_guess(answer))
    assert passed is False and hint in message


# --- told or not ----------------------------------------------------------------------------------------------------


def one_by_one(labels, u):
    for i in range(len(labels)):
        for k in range(labels.shape[1]):
            if u[i, k] >= 0.5:
                labels[i, k] = -1
    return labels


@pytest.mark.parametrize(
    "answer",
    [
        one_by_one,
        lambda x, u: x.where(u < 0.5, -1),
        lambda x, u: x.where(u >= 0.5, -1),  # which half is told does not matter
        lambda x, u: torch.where(u < 0.5, x, -1),
        lambda x, u: x.masked_fill(u > 0.5, -1),
        lambda x, u: x * (u < 0.5) - 1 * (u >= 0.5),
        lambda x, u: np.where(u.numpy() < 0.5, x.numpy(), -1),
        lambda x, u: [[int(a) if b < 0.5 else -1 for a, b in zip(*row, strict=True)] for row in zip(x, u, strict=True)],
    ],
)
def test_one_decision_for_each_attribute_is_accepted(answer):
    assert checks.tell_half(answer).passed is True


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda x, u: x if u.mean() < 0.5 else torch.full_like(x, -1), "whole batch"),
        (lambda x, u: x.where(u[:, :1] < 0.5, -1), "One decision for each sprite"),
        (lambda x, u: x.where(u < 0.5, 0), "Silence is -1"),
        (lambda x, u: x, "All is told"),
        (lambda x, u: torch.full_like(x, -1), "numbers are not"),
        (lambda x, u: x.where(u[0] < 0.5, -1), "numbers are not"),
        (lambda x, u: x[u < 0.5], "shape should be"),
        (lambda x, u: None, "return"),
    ],
)
def test_coarser_decisions_are_refused(answer, hint):
    passed, message = said(checks.tell_half(answer))
    assert passed is False and hint in message


# --- the clinic -----------------------------------------------------------------------------------------------------

TRUE = dict(checks.MISTAKES)


@pytest.mark.parametrize("form", [str, str.upper, str.title, lambda s: f" {s} ", lambda s: s.replace(" ", "  ")])
def test_the_diagnosis_may_be_written_in_any_way(form):
    assert checks.diagnosis({who: form(name) for who, name in TRUE.items()}).passed is True


@pytest.mark.parametrize(
    ("answer", "passed", "hint"),
    [
        (dict.fromkeys("ABC", ...), None, "Replace"),
        ({**TRUE, "A": TRUE["B"], "B": TRUE["A"]}, False, "1 of 3"),
        ({"A": TRUE["B"], "B": TRUE["C"], "C": TRUE["A"]}, False, "0 of 3"),
        ({**TRUE, "C": ...}, False, "2 of 3"),
        ({**TRUE, "C": "bad luck"}, False, "none of the three"),
        ({"A": TRUE["A"]}, False, "one diagnosis for each"),
        ("ends swapped", False, "one diagnosis for each"),
        ({**TRUE, "C": 3}, False, "none of the three"),
    ],
)
def test_another_diagnosis_is_refused_without_giving_it_away(answer, passed, hint):
    result = checks.diagnosis(answer)
    assert result.passed is passed and hint in result.message
