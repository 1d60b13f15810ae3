"""A lane is made once, again when it asks for something else or was cut short, and what it lacks is said."""

import subprocess
import sys

import pytest

from tools import lanes


def small(*packages):
    return lanes.Lane("small", f"3.{sys.version_info.minor}", packages)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(lanes, "FOLDER", tmp_path)
    return tmp_path / "small"


def test_a_lane_is_made_once_and_again_when_it_asks_for_something_else(folder):
    python = lanes.build(small("pip"))  # which is there already
    assert subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], text=True) == f"{folder}\n"
    (folder / "mark").touch()
    lanes.build(small("pip"))
    assert (folder / "mark").exists()
    lanes.build(small("pip", "--no-index"))
    assert not (folder / "mark").exists()


def test_a_lane_that_cannot_be_made_says_why_in_one_line_and_is_begun_anew(folder):
    for _ in range(2):
        with pytest.raises(lanes.NotAvailable, match=r"^ERROR: .*no such thing"):
            lanes.build(small("--no-index", "no such thing"))
    assert lanes.build(small("pip")).exists()
