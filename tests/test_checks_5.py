"""Each check of notebook 5 accepts right answers, refuses wrong ones with a fitting hint, lets an empty one be."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from helpers.lesson import checks_5 as checks

SHARE = 10_000 / 168_640


def by_chance(share):
    return checks.copies_by_chance(share, n_train=10_000, n_world=168_640)


RIGHT = {
    "as Python divides": SHARE,
    "as numpy has it": np.float32(SHARE),
    "as an array of one": np.array([SHARE]),
    "as a tensor": torch.tensor(SHARE),
    "as a tensor of one, half": torch.tensor([SHARE], dtype=torch.float16),
    "rounded to two figures": 0.059,
    "rounded to three figures": 0.0593,
    "as a fraction": float(Fraction(10_000, 168_640)),
    "one minus the others": 1 - 158_640 / 168_640,
}


@pytest.mark.parametrize("share", RIGHT.values(), ids=RIGHT.keys())
def test_right_answers_pass(share):
    result = by_chance(share)
    assert result.passed is True, result
    assert repr(result).startswith("✓ Right.")


WRONG = [
    (100 * SHARE, "per cent"),
    (5.9, "per cent"),
    (1 - SHARE, "not in the training set"),
    (168_640 / 10_000, "Turned over"),
    (10_000 / 158_640, "divide by those that are not"),
    (0, "Not none"),
    (10_000, "between 0 and 1"),
    (-SHARE, "between 0 and 1"),
    (0.5, "how many are there in all"),
    ("6 %", "One number"),
    ([SHARE, SHARE], "One number"),
    (None, "One number"),
]


@pytest.mark.parametrize(("share", "hint"), WRONG)
def test_wrong_answers_are_refused_with_a_fitting_hint(share, hint):
    result = by_chance(share)
    assert result.passed is False, result
    assert hint in result.message


def test_an_empty_answer_is_let_be():
    assert by_chance(...).passed is None


def test_a_set_where_all_sprites_are_for_training_has_a_share_of_one():
    assert checks.copies_by_chance(1.0, n_train=4, n_world=4).passed is True
    assert checks.copies_by_chance(0, n_train=4, n_world=4).passed is False


def test_other_worlds_have_other_shares():
    assert checks.copies_by_chance(3 / 4, n_train=3, n_world=4).passed is True
    assert checks.copies_by_chance(SHARE, n_train=3, n_world=4).passed is False
