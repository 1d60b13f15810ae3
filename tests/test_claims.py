"""Claims are printed either way; a false one stops only where the lessons are tried out."""

import numpy as np
import pytest
import torch

from helpers.lesson.claims import claim, wilson


@pytest.fixture(autouse=True)
def learner(monkeypatch):
    monkeypatch.delenv("INKDROP_STRICT", raising=False)


@pytest.mark.parametrize(
    ("measured", "relation", "bound", "said"),
    [
        (0.33812, "<", 0.551, "✓ So it is: 0.338 < 0.551"),
        (0.7, "<", 0.551, "✗ So it is: 0.7 is not < 0.551"),
        (np.int64(48), "==", 48, "✓ So it is: 48 == 48"),
        (torch.tensor(0.25), "in", (0.2, 0.3), "✓ So it is: 0.25 between 0.2 and 0.3"),
        (0.5, "in", (0.2, 0.3), "✗ So it is: 0.5 is not between 0.2 and 0.3"),
        ("buckle", "==", "buckle", "✓ So it is: buckle == buckle"),
        (168_640, ">=", 10_000, "✓ So it is: 168,640 >= 10,000"),
    ],
)
def test_a_claim_says_what_was_measured_and_against_what(capsys, measured, relation, bound, said):
    claim("So it is", measured, relation, bound)
    assert capsys.readouterr().out == said + "\n"


def test_a_false_claim_stops_only_where_lessons_are_tried_out(capsys, monkeypatch):
    claim("Two is less than one", 2, "<", 1)
    monkeypatch.setenv("INKDROP_STRICT", "1")
    claim("One is less than two", 1, "<", 2)
    claim("Two is less than one", 2, "<", 1, here=False)  # somebody's own sprites: no verdict
    with pytest.raises(AssertionError, match="Two is less than one: 2 < 1"):
        claim("Two is less than one", 2, "<", 1)
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == list("✗✓·✗")


def test_not_a_number_holds_for_nothing(monkeypatch):
    monkeypatch.setenv("INKDROP_STRICT", "1")
    with pytest.raises(AssertionError):
        claim("A share of none", float("nan"), "<", 1)


def test_an_unknown_relation_is_refused():
    with pytest.raises(ValueError, match="relation must be one of"):
        claim("", 1, "=", 1)


def test_wilson_agrees_with_scipy_and_stays_within_0_and_1():
    from scipy import stats

    for hits, n in [(0, 5), (3, 16), (48, 48), (250, 256)]:
        low, high = stats.binomtest(hits, n).proportion_ci(method="wilson")
        assert wilson(hits, n) == pytest.approx((low, high), abs=1e-5)
    assert wilson(48, 48)[0] < 0.95 and wilson(0, 5)[0] == 0 and wilson(48, 48)[1] <= 1
    for bad in [(3, 2), (-1, 2), (0, 0)]:
        with pytest.raises(ValueError, match="hits must be"):
            wilson(*bad)
