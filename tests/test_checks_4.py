"""The check of notebook 4 accepts right answers, refuses wrong ones with a fitting hint, lets an empty one be."""

import numpy as np
import pytest
import torch

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
