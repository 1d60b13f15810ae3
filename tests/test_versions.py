"""One list of versions: requirements.txt pins exactly what pyproject.toml asks for, and conda takes the same list."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def ranges() -> dict[str, Requirement]:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return {requirement.name: requirement for lines in lists for requirement in map(Requirement, lines)}


def pins() -> dict[str, Version]:
    lines = [line.strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    names_and_versions = [line.split("==") for line in lines if line and line[0] not in "#-"]
    return {name: Version(version) for name, version in names_and_versions}


def test_every_range_is_pinned_and_every_pin_has_a_range():
    assert set(pins()) == set(ranges())


def test_every_pin_lies_in_its_range():
    outside = {name: str(version) for name, version in pins().items() if not ranges()[name].specifier.contains(version)}
    assert outside == {}


def test_what_colab_has_is_never_replaced():
    colab = {"torch": "2.11.0", "ipywidgets": "7.7.1", "numpy": "2.1.0", "matplotlib": "3.10.0", "anywidget": "0.9.21"}
    assert all(ranges()[name].specifier.contains(version) for name, version in colab.items())


def test_requirements_install_the_package_itself():
    assert "-e ." in (ROOT / "requirements.txt").read_text().splitlines()


def test_conda_takes_the_same_list_and_an_accepted_python():
    environment = (ROOT / "environment.yml").read_text()
    assert environment.strip().endswith("- pip:\n      - -r requirements.txt")
    python = re.search(r"- python=([\d.]+)", environment).group(1)
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    assert len(re.findall(r"^  - ", environment, flags=re.MULTILINE)) == 4  # the channel, python, pip, the list


def test_installed_versions_are_the_pinned_ones():
    from importlib.metadata import version

    assert {name: Version(version(name)).base_version for name in pins()} == {k: str(v) for k, v in pins().items()}
