"""One version of each fact: two lists pin exactly what pyproject.toml asks for, and conda takes the first of them."""

import os
import re
import shlex
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def ranges(*lists: list[str]) -> dict[str, SpecifierSet]:
    return {found.name: found.specifier for lines in lists for found in map(Requirement, lines)}


def lines(name: str) -> list[str]:
    written = [line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    return [line for line in written if line and not line.startswith("#")]


def pins(name: str) -> dict[str, Version]:
    """What a requirements file pins itself. Every line but its first must be a pin."""
    return {name: Version(version) for name, version in (line.split("==") for line in lines(name)[1:])}


def test_every_range_is_pinned_in_its_list_and_every_pin_has_a_range():
    assert set(pins("requirements.txt")) == set(ranges(PROJECT["dependencies"], EXTRAS["lab"]))
    assert set(pins("requirements-dev.txt")) == set(ranges(EXTRAS["dev"]))
    assert set(EXTRAS) == {"lab", "dev"}


def test_every_pin_lies_in_its_range():
    every = pins("requirements.txt") | pins("requirements-dev.txt")
    allowed = ranges(PROJECT["dependencies"], *EXTRAS.values())
    assert {name: str(pin) for name, pin in every.items() if not allowed[name].contains(pin)} == {}


def test_what_colab_has_is_never_replaced():
    colab = {"torch": "2.11.0", "ipywidgets": "7.7.1", "numpy": "2.1.0", "matplotlib": "3.10.0"}
    allowed = ranges(PROJECT["dependencies"])
    assert all(allowed[name].contains(version) for name, version in colab.items())
    assert SpecifierSet(PROJECT["requires-python"]).contains("3.13")


def test_the_first_list_installs_the_package_itself_and_the_second_begins_with_the_first():
    assert lines("requirements.txt")[0] == "-e ."
    assert lines("requirements-dev.txt")[0] == "-r requirements.txt"


def test_conda_takes_the_same_list_and_an_accepted_python():
    environment = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert environment.strip().endswith("- pip:\n      - -r requirements.txt")
    python = re.search(r"- python=([\d.]+)", environment).group(1)
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    assert len(re.findall(r"^  - ", environment, flags=re.MULTILINE)) == 4  # the channel, python, pip, the list


def test_make_looks_for_the_accepted_pythons():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    low, high = re.search(r"\(3, (\d+)\) <= sys.version_info < \(3, (\d+)\)", makefile).groups()
    assert PROJECT["requires-python"] == f">=3.{low},<3.{high}"
    assert f"Python 3.{low} to 3.{int(high) - 1}, and none was found" in makefile
    assert {f"3.{minor}" for minor in range(int(low), int(high))} == set(re.findall(r"python(3\.\d+)(?= )", makefile))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no make")
def test_make_takes_a_python_with_a_space_in_its_path():
    command = ["make", "--dry-run", "--always-make", "lab", "PYTHON=/my pythons/python3"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ["/my pythons/python3", "-m", "venv", "--clear", ".venv"] in map(shlex.split, told.splitlines())


def test_installed_versions_are_the_pinned_ones():
    every = pins("requirements.txt") | pins("requirements-dev.txt")
    assert {name: Version(version(name)).base_version for name in every} == {k: str(v) for k, v in every.items()}
