"""The notebooks where little is given: a checkout that may only be read, no home to write to, nothing run before.

All three in the order in which each would miss most what another leaves behind, the last one first. In one pass, since
running them takes minutes.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent.parent
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
if os.name == "nt" or (AS_ROOT and sys.platform != "linux"):
    pytest.skip("nothing is read-only to this user", allow_module_level=True)

RUN = """
import sys
from pathlib import Path
import nbformat
from tools import notebooks

for path in sorted(notebooks.FOLDER.glob("*.ipynb"), reverse=True):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("import helpers; print(helpers.__file__)"))
    Path(sys.argv[1], path.name).write_text(notebooks.text(notebooks.execute(notebook, path.parent)))
"""


def obey():
    """In a new process: what is read-only be so for the administrator too, who else may write anywhere."""
    if AS_ROOT:
        drop, override = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE: see capabilities(7)
        assert ctypes.CDLL(None).prctl(drop, override, 0, 0, 0) == 0


def set_writable(folder, writable):
    for where, _, files in os.walk(folder):
        for path in (Path(where), *(Path(where, name) for name in files)):
            path.chmod(path.stat().st_mode | 0o200 if writable else path.stat().st_mode & ~0o222)


def listing(folder):
    return {path: path.lstat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What the notebooks left: (folder with all there was, name -> the notebook with its outputs)."""
    top = tmp_path_factory.mktemp("bare")
    for name in ("checkout", "home", "tmp", "out"):
        (top / name).mkdir()
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.rstrip("\0").split("\0"):
        (top / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, top / "checkout" / name)
    for name in ("checkout", "home"):
        set_writable(top / name, False)
    before = listing(top / "checkout"), listing(top / "home")
    mine = ("INKDROP_", "XDG_", "JUPYTER_", "IPYTHON", "MPL", "PYTEST_", "COV_", "HOME", "TMP", "TEMP")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    environment |= {
        "HOME": str(top / "home"),
        "TMPDIR": str(top / "tmp"),
        "PYTHONPATH": str(top / "checkout"),
        "INKDROP_STEPS": "30",
        "INKDROP_QUIET": "0",  # as if somebody watched: only then is the network kept
    }
    command = [sys.executable, "-c", RUN, str(top / "out")]
    where = {"cwd": top / "checkout", "env": environment}
    try:
        done = subprocess.run(command, **where, preexec_fn=obey, capture_output=True, text=True, timeout=3000)
        assert done.returncode == 0, done.stderr[-5000:]
        assert (listing(top / "checkout"), listing(top / "home")) == before
    finally:
        for name in ("checkout", "home"):
            set_writable(top / name, True)
    return top, {path.stem: nbformat.read(path, as_version=4) for path in sorted((top / "out").iterdir())}


def texts(notebook, stream):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.text for output in outputs if output.get("name") == stream]


def test_every_notebook_runs_alone_and_from_the_copy(ran):
    top, notebooks = ran
    assert len(notebooks) == len(list((top / "checkout" / "notebooks").glob("*.ipynb"))) >= 3
    for notebook in notebooks.values():
        assert notebook.cells[-1].outputs[0].text.strip() == str(top / "checkout" / "helpers" / "__init__.py")


def test_the_cache_falls_back_and_says_so_in_one_line(ran):
    top, notebooks = ran
    stand_in = top / "tmp" / f"inkdrop-{os.geteuid()}"
    for notebook in notebooks.values():
        lines = "".join(texts(notebook, "stdout")).splitlines()
        assert [line for line in lines if "cannot be written" in line] == [
            f"{top / 'home' / '.cache' / 'inkdrop'} cannot be written, so {stand_in} keeps what is made. "
            "Set INKDROP_CACHE to choose another folder."
        ]
    kept = {path.suffix for path in stand_in.iterdir()}
    assert kept == {".npz", ".safetensors"}  # the sprites, and the network that notebook 2 keeps for notebook 3


def test_nothing_else_is_said_but_by_matplotlib_of_its_own_folder(ran):
    for notebook in ran[1].values():
        lines = "".join(texts(notebook, "stderr")).splitlines()
        assert len(lines) <= 3 and all("atplotlib" in line for line in lines), lines
