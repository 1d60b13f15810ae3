"""Lanes: what each asks for, that one is made once and only whole, and what is said where one cannot be made."""

import sys

import pytest
from packaging.requirements import Requirement

from tools import lanes

RUNNING = f"3.{sys.version_info.minor}"


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """The commands that would have been run; the lanes' folder is an empty one."""
    run = []

    def pretend(*command):
        run.append([str(part) for part in command])
        (lanes.FOLDER / "small").mkdir(exist_ok=True)

    monkeypatch.setattr(lanes, "FOLDER", tmp_path / ".lanes")
    monkeypatch.setattr(lanes, "_run", pretend)
    return run


def small(*packages):
    return lanes.Lane("small", RUNNING, packages)


def test_every_python_has_a_lane_with_the_oldest_and_one_with_the_newest():
    every = lanes.lanes()
    assert list(every) == [f"3.{minor}-{age}" for minor in (11, 12, 13) for age in ("oldest", "newest")] + ["colab"]
    assert all(name == lane.name and name.startswith((lane.version, "colab")) for name, lane in every.items())
    (project, *oldest), (_, *newest) = (every[f"3.11-{age}"].packages for age in ("oldest", "newest"))
    assert project == "--editable=."
    for exact, wide in zip(map(Requirement, oldest), map(Requirement, newest), strict=True):
        (only,) = exact.specifier
        assert exact.name == wide.name and only.operator == "=="
        assert only.version in wide.specifier


def test_the_oldest_is_the_lower_end():
    assert lanes._oldest(Requirement("pytest>=8,<10")) == "pytest==8"


def test_colab_has_all_that_the_notebooks_import_at_one_version_each():
    names = [Requirement(line).name for line in lanes.lanes()["colab"].packages]
    assert set(names) - {Requirement(line).name for line in lanes.PROJECT["dependencies"]} == {
        "ipykernel",
        "ipython",
        "notebook",
    }
    assert len(names) == len(set(names))
    assert all("==" in line for line in lanes.lanes()["colab"].packages)


def test_a_lane_is_made_once_and_again_when_it_asks_for_something_else(commands):
    assert lanes.build(small("a==1")) == lanes.FOLDER / "small/bin/python"
    assert [command[2] for command in commands] == ["venv", "pip"]
    assert commands[1][-1] == "a==1"
    lanes.build(small("a==1"))
    assert len(commands) == 2
    lanes.build(small("a==2"))
    assert len(commands) == 4


def test_a_lane_that_was_cut_short_is_made_again(commands, monkeypatch):
    def cut(*command):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(lanes, "_run", cut)
        lanes.build(small())
    lanes.build(small())
    assert len(commands) == 2


def test_a_python_is_found_on_the_path_unless_it_does_not_run(monkeypatch, tmp_path):
    assert lanes.find_python(RUNNING) == sys.executable
    for folder, script in (("shim", "exit 127"), ("real", "echo 3.99")):
        python = tmp_path / folder / "python3.99"
        python.parent.mkdir()
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/shim:{tmp_path}/real:/nowhere")
    assert lanes.find_python("3.99") == f"{tmp_path}/real/python3.99"
    with pytest.raises(lanes.NotAvailable, match=r"no Python 3\.98 on the PATH"):
        lanes.find_python("3.98")


def test_what_cannot_be_installed_is_said_in_one_line():
    with pytest.raises(lanes.NotAvailable, match=r"^ERROR: Invalid requirement: 'no such thing'"):
        lanes._run(sys.executable, "-m", "pip", "install", "--no-index", "no such thing")
    with pytest.raises(lanes.NotAvailable, match=r"^no pip here$"):
        lanes._run(sys.executable, "-c", "print('no pip here'); exit(1)")


def test_the_table_tells_of_every_lane(monkeypatch, capsys):
    seen = {"3.11-oldest": ("passed", "9 passed"), "3.12-newest": ("not available", "no Python 3.12 on the PATH")}
    monkeypatch.setattr(lanes, "test", lambda lane: seen[lane.name])
    monkeypatch.setattr(sys, "argv", ["lanes", *seen])
    assert lanes.main() == 0
    said = capsys.readouterr().out
    assert "3.11-oldest    passed         9 passed\n" in said
    assert "3.12-newest    not available  no Python 3.12 on the PATH\n" in said
    seen["3.11-oldest"] = ("failed", "1 failed")
    assert lanes.main() == 1
    monkeypatch.setattr(sys, "argv", ["lanes", "3.10-oldest"])
    assert lanes.main() == 2
    assert "There is no lane 3.10-oldest; choose from 3.11-oldest" in capsys.readouterr().err
