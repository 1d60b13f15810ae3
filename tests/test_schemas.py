"""Files that other programs read are what their published schemas ask for, and say what the project says elsewhere."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([.\w/-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def workflow(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs() -> list[dict]:
    return [job for path in WORKFLOWS for job in workflow(path)["jobs"].values()]


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_the_published_schema(schema, paths):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pre_commit_accepts_its_configuration():
    command = [sys.executable, "-m", "pre_commit", "validate-config", ROOT / ".pre-commit-config.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_workflow_may_do_as_little_as_it_needs():
    for path in WORKFLOWS:
        assert workflow(path)["permissions"] == {"contents": "read"} and "concurrency" in workflow(path)
    more = [job["permissions"] for job in jobs() if "permissions" in job]
    assert more == [{"pages": "write", "id-token": "write"}]  # who publishes the site


def test_each_action_is_held_to_a_major_version():
    used = [step["uses"] for job in jobs() for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)


def test_what_is_run_elsewhere_is_in_the_makefile():
    commands = [step["run"] for job in jobs() for step in job["steps"] if "run" in step]
    commands.append(devcontainer()["onCreateCommand"])
    made = {target for command in commands for target in re.findall(r"\bmake ([.\w/-]+)", command)}
    assert {"lint", "test", "test-all", "site", ".venv/installed"} <= made
    assert made - TARGETS == set()


def test_every_accepted_python_is_tested_and_the_others_run_one_of_them():
    matrix = workflow(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["units"]["strategy"]["matrix"]
    tested = {*matrix["python"], *(entry["python"] for entry in matrix["include"])}
    accepted = SpecifierSet(PROJECT["requires-python"])
    assert tested == {version for minor in range(30) if (version := f"3.{minor}") in accepted}
    binder = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    assert {binder, devcontainer()["image"].removeprefix("python:")} <= tested


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no mode of a file")
def test_binder_installs_what_the_lessons_need():
    script = ROOT / "binder" / "postBuild"
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    assert script.stat().st_mode & 0o111
    assert "-r requirements.txt\n" in script.read_text(encoding="utf-8")


def test_the_citation_is_of_the_version_that_the_changelog_ends_with():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    released = re.findall(r"^## \[([\d.]+)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert (citation["version"], citation["date-released"]) == released[0]
    assert citation["version"] == PROJECT["version"]


def devcontainer() -> dict:
    return json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
