"""Every notebook as a stranger meets it in Colab: alone in an empty folder, with Colab's versions.

Colab's package is a stand-in (stub/), and the address a repository in a folder; the rest is as it is there.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tools import lanes, stamp

ROOT = Path(__file__).parents[3]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STUB = Path(__file__).parent / "stub"
TELL = "import helpers; print(helpers.__file__)"
INSTALLED = "from importlib.metadata import distributions; print(sorted((d.name, d.version) for d in distributions()))"


def git(folder, *command):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(["git", *command], cwd=folder, env=env, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A repository to fetch from, with the project's files as they are now, committed or not."""
    remote = tmp_path_factory.mktemp("remote")
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if (ROOT / name).is_file():
            (remote / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, remote / name)
    git(remote, "init", "-q")
    git(remote, "add", "--force", "--all")
    git(remote, "-c", "user.name=Bob", "-c", "user.email=bob@example.org", "commit", "-qm", "all")
    return remote.as_uri()


@pytest.fixture(scope="module")
def python():
    return lanes.build(lanes.colab())


@pytest.fixture
def colab(python, tmp_path, monkeypatch):
    """colab(notebook, folder): run a notebook in the folder as Colab would, Colab's own package imported beforehand."""
    kernel = {
        "display_name": "Colab",
        "language": "python",
        "argv": [
            *(str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"),
            "--IPKernelApp.exec_lines=import google.colab",
        ],
    }
    spec = tmp_path / "jupyter/kernels/colab/kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps(kernel))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("PYTHONPATH", str(STUB))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("INKDROP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INKDROP_STEPS", "30")

    def run(notebook, folder):
        resources = {"metadata": {"path": str(folder)}}
        return NotebookClient(notebook, timeout=600, kernel_name="colab", resources=resources).execute()

    return run


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_alone_in_an_empty_folder_runs_from_the_first_cell_to_the_last(
    path, address, python, colab, tmp_path
):
    def installed():
        return subprocess.run([python, "-c", INSTALLED], capture_output=True, check=True).stdout

    content, before = tmp_path / "content", installed()
    content.mkdir()
    notebook = stamp.stamped(nbformat.read(path, as_version=4), path.stem, address)
    notebook.cells.append(new_code_cell(TELL))
    first, lesson, *_, last = code(colab(notebook, content))  # raises where a cell fails
    assert first.outputs[0].text.startswith(f"Inkdrop is ready, in {content}/inkdrop. This notebook runs on the ")
    assert last.outputs[0].text == f"{content}/inkdrop/helpers/__init__.py\n"
    assert os.listdir(content) == ["inkdrop"]
    assert installed() == before, "neither another numpy nor another torch, nor anything else"

    # A second time, in a new kernel and the same folder.
    fetched = (content / "inkdrop").stat()
    *_, last = code(colab(new_notebook(cells=[first, lesson, last]), content))
    assert last.outputs[0].text == f"{content}/inkdrop/helpers/__init__.py\n"
    assert (content / "inkdrop").stat().st_ino == fetched.st_ino, "nothing is fetched again"
