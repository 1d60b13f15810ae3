"""The table of measurements in the README is the one that the stored figures give."""

import pytest

from benchmarks import proof, training


def test_the_readme_shows_the_figures_last_read():
    assert proof.PICTURE.exists()
    readme = proof.README.read_text(encoding="utf-8")
    assert proof.with_table(readme, proof.table(proof.stored())) == readme


@pytest.mark.parametrize(
    ("ours", "theirs", "ratio"),
    [(100, 250, "2.5"), (100, None, "more than 6.0"), (None, 250, "")],
)
def test_a_goal_that_was_not_reached_is_said_to_be_so(ours, theirs, ratio):
    longer = [{"seconds": 600.0, "steps": 2000, "valid": 0.5}]
    way, our_way = {"seconds to goal": theirs, "longer": longer}, {"seconds to goal": ours, "longer": longer}
    assert training.times_as_long(way, our_way) == ratio
    assert training.to_goal({"seconds to goal": None, "longer": longer}) == (
        "more than 600 s (50.0 % after 2,000 steps)"
    )
