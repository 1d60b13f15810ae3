"""The tests in other versions than the pinned ones (`make test-versions`).

A lane is an environment of its own in .lanes/, made once and again when what it asks for changes. There is one for
each Python that pyproject.toml allows with the oldest and one with the newest dependencies of its ranges; names on
the command line choose among them. Pythons are looked for on the PATH. One more lane has Colab's versions: what
tests/long/colab runs (`make test-all`) runs in it.
"""

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".lanes"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = [version for minor in range(30) if (version := f"3.{minor}") in SpecifierSet(PROJECT["requires-python"])]
# As of August 2026. Colab's torch is 2.11; the lane has the pinned one, which every developer has fetched already.
COLAB = (
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "ipywidgets==7.7.1",
    "matplotlib==3.10.0",
    "notebook==6.5.7",
    "numpy==2.1.0",
)
# Left out: the browser, which is the same in every lane; the form of the notebooks and what only the pinned versions
# pass; and tests/long.
TESTS = ["notebooks", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/test_*.py"))]
OPTIONS = (
    *("-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", "--nbval-lax", "--nbval-current-env"),
    "--no-loadscope-reorder",  # the notebooks, which take longest, begin
    "--ignore=tests/test_notebooks.py",
    "--deselect=tests/test_versions.py::test_installed_versions_are_the_pinned_ones",
)


class NotAvailable(Exception):
    """A lane that cannot be made here: its Python or one of its versions is not to be had."""


@dataclass(frozen=True)
class Lane:
    """A Python, such as "3.12", and what pip is asked to install for it."""

    name: str
    version: str
    packages: tuple[str, ...]

    @property
    def python(self) -> Path:
        """The lane's own Python."""
        return FOLDER / self.name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def lanes() -> dict[str, Lane]:
    """Every lane by its name, such as "3.12-oldest"."""
    extras = PROJECT["optional-dependencies"].values()
    ranges = [Requirement(line) for lines in (PROJECT["dependencies"], *extras) for line in lines]
    packages = {"oldest": map(_oldest, ranges), "newest": map(str, ranges)}
    packages = {age: ("--editable=.", *packages[age]) for age in packages}
    made = [Lane(f"{version}-{age}", version, packages[age]) for version in PYTHONS for age in packages]
    return {lane.name: lane for lane in made}


def _oldest(requirement: Requirement) -> str:
    """The lower end of a range: `numpy==2.1` for `numpy>=2.1,<3`."""
    return f"{requirement.name}=={next(s.version for s in requirement.specifier if s.operator == '>=')}"


def colab() -> Lane:
    """Colab's versions, and for the rest of what the notebooks import the pinned ones."""
    given = {Requirement(line).name for line in COLAB}
    wanted = {Requirement(line).name for line in PROJECT["dependencies"]} - given
    pins = [line for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() if "==" in line]
    rest = [line for line in pins if line.split("==")[0] in wanted]
    return Lane("colab", f"3.{sys.version_info.minor}", (*COLAB, *rest))


def build(lane: Lane) -> Path:
    """The lane's Python, with everything installed. Raises NotAvailable."""
    stamp, definition = FOLDER / lane.name / "installed", json.dumps(asdict(lane))
    if not (stamp.exists() and stamp.read_text() == definition):
        _run(find_python(lane.version), "-m", "venv", "--clear", stamp.parent)
        _run(lane.python, "-m", "pip", "install", "--disable-pip-version-check", "-q", *lane.packages)
        stamp.write_text(definition)  # last: what was interrupted starts again
    return lane.python


def find_python(version: str) -> str:
    """A Python of this version, such as "3.12": the running one, or the first on the PATH. Raises NotAvailable."""
    tell = "import sys; print('%d.%d' % sys.version_info[:2])"
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for candidate in (sys.executable, *(os.path.join(folder, f"python{version}") for folder in folders)):
        if os.access(candidate, os.X_OK):  # though it may be a shim with nothing behind it
            said = subprocess.run([candidate, "-c", tell], capture_output=True, text=True)
            if said.stdout.strip() == version:
                return candidate
    raise NotAvailable(f"no Python {version} on the PATH")


def _run(*command) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotAvailable(next((line for line in said if line.startswith("ERROR")), " ".join(said)))


def test(lane: Lane) -> tuple[str, str]:
    """Run the tests in the lane: ("passed" | "failed" | "not available", what was seen)."""
    try:
        python = build(lane)
    except NotAvailable as error:
        return "not available", str(error)
    # A false claim stops a lesson, training is short, and each worker has one thread.
    settings = {"INKDROP_STRICT": "1", "INKDROP_STEPS": "30", "OMP_NUM_THREADS": "1"}
    env = {**os.environ, **settings}
    command = [python, "-m", "pytest", *OPTIONS, *TESTS]
    tests = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    for line in tests.stdout:
        print(line, end="", flush=True)
    return "failed" if tests.wait() else "passed", line.strip("= \n")


def main() -> int:
    """Run the tests in the lanes named on the command line, or in all; print a table."""
    every = lanes()
    names = sys.argv[1:] or list(every)
    if unknown := set(names) - set(every):
        print(f"There is no lane {', '.join(sorted(unknown))}; choose from {', '.join(every)}", file=sys.stderr)
        return 2
    seen = {}
    for name in names:
        print(f"{name} …", flush=True)
        seen[name] = test(every[name])
    print(*(f"{name:14} {result:14} {words}" for name, (result, words) in seen.items()), sep="\n")
    return int("failed" in {result for result, _ in seen.values()})


if __name__ == "__main__":
    sys.exit(main())
