"""A copy of the project in which nbval runs every lesson (`make test`): to be read only, and its exercises solved.

    python -m tools.rehearsal       make .cache/rehearsal/inkdrop, and beside it the kernel to run it with

The kernel, `tools/bare_kernel.py`, has nothing of the user's: no home, no settings, nothing made before.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from tools import classroom, notebooks

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "rehearsal"
LAST = """
import os
from pathlib import Path

import helpers

copy, kernel = (Path(name) for name in {places!r})
assert Path(helpers.__file__).parent.parent == copy
found = [Path(folder, name) for folder, _, files in os.walk(copy) for name in ("", *files)]
made = kernel.stat().st_mtime_ns
assert [path for path in found if path.lstat().st_mtime_ns > made] == []  # nothing was added, changed or removed
assert not Path.home().exists()
"""


def rehearsed(notebook, last: str = ""):
    """The notebook with its exercises solved, each of which must pass its check, and a last cell. Changes it."""
    notebook = classroom.solved(notebook)
    for cell in classroom.tagged(notebook, "exercise"):
        *answer, check = cell.source.splitlines()
        cell.source = "\n".join([*answer, f"what_it_said = {check}", "assert what_it_said.passed, what_it_said"])
    notebook.cells.append(new_code_cell(last))
    return notebook


def copy_of_the_project(folder: Path) -> Path:
    """All that git tracks, as it is now, in `folder`, which is returned."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.rstrip("\0").split("\0"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def make(folder: Path = FOLDER) -> Path:
    """Put into `folder` a copy of all that git tracks, as it is now, and a kernel; returns the copy.

    What an earlier rehearsal left there is removed.
    """
    copy, kernel = folder / "inkdrop", folder / "kernels" / "rehearsal" / "kernel.json"
    if folder.exists():
        _set_writable(folder, True)
        shutil.rmtree(folder)
    copy_of_the_project(copy)
    for path in (copy / "notebooks").glob("*.ipynb"):
        notebook = rehearsed(nbformat.read(path, as_version=4), LAST.format(places=(str(copy), str(kernel))))
        path.write_text(notebooks.text(notebook), encoding="utf-8")
    _set_writable(copy, False)
    command = [sys.executable, str(ROOT / "tools" / "bare_kernel.py"), str(folder), "{connection_file}"]
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"display_name": "rehearsal", "language": "python", "argv": command}))
    return copy


def _set_writable(folder: Path, writable: bool) -> None:
    for where, _, files in os.walk(folder):
        for path in (Path(where), *(Path(where, name) for name in files)):
            path.chmod(path.stat().st_mode | 0o200 if writable else path.stat().st_mode & ~0o222)


if __name__ == "__main__":
    print(make())
