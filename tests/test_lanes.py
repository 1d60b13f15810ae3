"""Lanes: what each asks for, and what is said where one cannot be made. (tests/long/test_lane.py makes one.)"""

import json
import os
import sys
from dataclasses import asdict

import pytest
from packaging.requirements import Requirement

from tools import lanes

RUNNING = f"3.{sys.version_info.minor}"
scripts = pytest.mark.skipif(os.name == "nt", reason="a script is no program there")


def program(path, script):
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_every_python_has_a_lane_with_the_oldest_and_one_with_the_newest():
    every = lanes.lanes()
    assert RUNNING in lanes.PYTHONS
    assert list(every) == [f"{version}-{age}" for version in lanes.PYTHONS for age in ("oldest", "newest")]
    (project, *oldest), (_, *newest) = (every[f"{RUNNING}-{age}"].packages for age in ("oldest", "newest"))
    assert project == "--editable=."
    assert len(oldest) > 20
    for exact, wide in zip(map(Requirement, oldest), map(Requirement, newest), strict=True):
        (only,) = exact.specifier
        assert exact.name == wide.name and only.operator == "==" and only.version in wide.specifier
        assert only.version == min(of.version for of in wide.specifier if of.operator == ">=")


def test_colab_has_all_that_the_notebooks_import_at_one_version_each():
    packages = [Requirement(line) for line in lanes.colab().packages]
    names = [package.name for package in packages]
    imported = {Requirement(line).name for line in lanes.PROJECT["dependencies"]}
    assert set(names) - imported == {"ipykernel", "ipython", "notebook"}
    assert imported <= set(names) and len(names) == len(set(names))
    assert all(str(package.specifier).startswith("==") for package in packages)


@scripts
def test_a_python_is_found_on_the_path_unless_it_does_not_run(monkeypatch, tmp_path):
    assert lanes.find_python(RUNNING) == sys.executable
    program(tmp_path / "shim" / "python3.99", "exit 127")
    program(tmp_path / "real" / "python3.99", "echo 3.99")
    monkeypatch.setenv("PATH", f"{tmp_path}/shim:{tmp_path}/real:/nowhere")
    assert lanes.find_python("3.99") == f"{tmp_path}/real/python3.99"


@scripts
@pytest.mark.parametrize(("code", "words", "result"), [(0, "9 passed", "passed"), (1, "1 failed", "failed")])
def test_the_tests_in_a_lane_pass_or_fail(code, words, result, monkeypatch, tmp_path, capsys):
    lane = lanes.Lane("small", RUNNING, ())
    monkeypatch.setattr(lanes, "FOLDER", tmp_path)
    monkeypatch.setattr(lanes, "lanes", lambda: {"small": lane})
    monkeypatch.setattr(sys, "argv", ["lanes"])
    program(lane.python, f"echo '===== {words} ====='; exit {code}")
    (tmp_path / "small" / "installed").write_text(json.dumps(asdict(lane)))  # so that it is not made
    assert lanes.main() == code
    assert capsys.readouterr().out.endswith(f"small          {result:14} {words}\n")


def test_a_lane_whose_python_is_not_to_be_had_is_not_a_failure(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(lanes, "lanes", lambda: {"3.99-oldest": lanes.Lane("3.99-oldest", "3.99", ())})
    monkeypatch.setattr(sys, "argv", ["lanes"])
    assert lanes.main() == 0
    assert "3.99-oldest    not available  no Python 3.99 on the PATH\n" in capsys.readouterr().out


def test_a_lane_that_there_is_not_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lanes", "2.7-oldest"])
    assert lanes.main() == 2
    assert f"There is no lane 2.7-oldest; choose from {next(iter(lanes.lanes()))}" in capsys.readouterr().err
