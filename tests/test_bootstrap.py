"""The first cell of every notebook, run as in Colab: a stub of google.colab, an empty folder, a local remote.

The Python that runs it has the packages but not the project: -S leaves out what an editable installation adds.
"""

import http.server
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from helpers.lesson import colab
from tools import stamp

ROOT = Path(__file__).parent.parent
COLAB = "import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab')\n"
NO_MORE_RUNS = "\nimport subprocess; subprocess.run = None\n"  # neither git nor pip
PARTS = "benchmarks", "helpers", "pyproject.toml", "sprites", "weights"


def copy(folder: Path, parts) -> None:
    """Copy some parts of the project into a folder."""
    for part in parts:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder)


def repository(folder: Path, parts) -> str:
    """Make a git repository of some parts of the project; returns its address."""
    folder.mkdir()
    copy(folder, parts)
    me = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    for command in (["init", "--quiet"], ["add", "."], [*me, "commit", "--quiet", "--message=all"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder.as_uri()


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    return repository(tmp_path_factory.mktemp("remote") / "project", PARTS)


@pytest.fixture
def content(tmp_path):
    """The folder that a notebook in Colab starts in."""
    folder = tmp_path / "content"
    folder.mkdir()
    return folder


def run(folder, source, **env):
    """Run a notebook's code in a folder, in a Python without the project."""
    env = {
        **os.environ,
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "no_proxy": "*",
        **env,
    }
    return subprocess.run([sys.executable, "-S", "-c", source], cwd=folder, env=env, capture_output=True, text=True)


def ready(folder, source) -> list[str]:
    """What the code printed: lines. It must neither fail nor warn."""
    done = run(folder, source)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def stopped(folder, source, **env) -> str:
    """What the code stopped with: the message of the exception."""
    done = run(folder, source, **env)
    assert done.returncode == 1 and not (folder / "inkdrop" / "helpers").exists()
    return done.stderr.split("Stop: ")[1]


# --- where the project comes from -----------------------------------------------------------------------------------


def test_on_your_own_machine_it_does_nothing(content, remote):
    source = (
        f"{stamp.cell(remote, gpu=True)}\nimport sys; assert not {{'torch', 'numpy', 'helpers'}} & set(sys.modules)"
    )
    assert ready(content, source + "\nprint([name for name in dir() if name[0] != '_'])") == ["['sys']"]
    assert list(content.iterdir()) == []


def test_in_colab_it_fetches_the_project_once(content, remote):
    cell = stamp.cell(remote)
    says = f"Inkdrop is ready, in {content / 'inkdrop'}. This notebook runs on the CPU and needs no GPU."
    lesson = "\nfrom helpers.world import sprites; print(sprites.__file__)"
    assert ready(content, COLAB + cell + lesson) == [says, str(content / "inkdrop/helpers/world/sprites.py")]
    assert [path.name for path in content.iterdir()] == ["inkdrop"]
    assert subprocess.check_output(["git", "rev-list", "--count", "HEAD"], cwd=content / "inkdrop") == b"1\n"

    again = NO_MORE_RUNS + cell + "\nassert len(sys.path) == len(set(sys.path))"
    assert ready(content, COLAB + cell + again) == [says, says]  # twice in one runtime
    assert ready(content, COLAB + again) == [says]  # after a restart of the runtime


def test_a_fetch_that_was_cut_short_begins_anew(content, remote):
    (content / "inkdrop.part" / ".git").mkdir(parents=True)
    (content / "inkdrop.part" / "helpers").mkdir()
    assert len(ready(content, COLAB + stamp.cell(remote) + "\nimport helpers.world.sprites")) == 1
    assert [path.name for path in content.iterdir()] == ["inkdrop"]


def test_half_a_project_is_told_and_left_alone(content, remote):
    (content / "inkdrop" / ".git").mkdir(parents=True)
    assert "The folder inkdrop is not the whole project. Rename it" in stopped(content, COLAB + stamp.cell(remote))
    assert (content / "inkdrop" / ".git").exists()


def test_a_copy_in_the_learners_drive_is_used(content):
    drive = content / "drive" / "MyDrive" / "inkdrop"
    drive.mkdir(parents=True)
    copy(drive, PARTS)
    said = ready(content, COLAB + NO_MORE_RUNS + stamp.cell("https://nowhere.invalid/inkdrop"))
    assert said[0].startswith(f"Inkdrop is ready, in {drive}.")
    assert [path.name for path in content.iterdir()] == ["drive"]


# --- what can go wrong ----------------------------------------------------------------------------------------------


def test_an_address_that_was_never_set(content):
    said = stopped(content, COLAB + stamp.cell("https://github.com/YOUR_NAME/inkdrop"))
    assert said.startswith("Inkdrop's address has not been set.")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/inkdrop", "https://nowhere.invalid/inkdrop"])
def test_no_network(content, address):
    said = stopped(content, COLAB + stamp.cell(address))
    assert f"from {address}: no connection. Check the network and run this cell again.\n" in said


def test_a_network_that_never_answers(content):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cell = stamp.cell(f"http://127.0.0.1:{silent.getsockname()[1]}/inkdrop")
        assert ": no connection. " in stopped(content, COLAB + cell.replace("timeout=180", "timeout=1"))


def test_a_wrong_address_and_then_the_right_one(content, remote, tmp_path):
    another = repository(tmp_path / "another", ["sprites"])
    for address in (another, (tmp_path / "nothing").as_uri()):
        said = stopped(content, COLAB + stamp.cell(address))
        assert f"from {address}. Is that its address, and may everyone read it?" in said
    assert len(ready(content, COLAB + stamp.cell(remote))) == 1


def test_a_repository_that_asks_for_a_password(content):
    class Locked(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # as GitHub answers for a repository that is private or does not exist
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Locked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = stopped(content, COLAB + stamp.cell(f"http://127.0.0.1:{server.server_port}/inkdrop"))
        server.shutdown()
    assert "may everyone read it?" in said and "terminal prompts disabled" in said


def test_no_git(content, remote, tmp_path):
    assert "'git'" in stopped(content, COLAB + stamp.cell(remote), PATH=str(tmp_path))


def test_a_notebook_shows_the_message_alone(content, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)  # it may lead to the project
    cells = map(nbformat.v4.new_code_cell, [COLAB, stamp.cell("http://127.0.0.1:9/inkdrop")])
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(content)}}).execute()
    (error,) = notebook.cells[1].outputs
    assert len(error.traceback) == 1 and error.traceback[0].startswith("Inkdrop cannot be fetched from http://127")


# --- packages -------------------------------------------------------------------------------------------------------


@pytest.fixture
def pip(monkeypatch):
    """A pip that installs nothing, ends with `returncode`, and keeps what it was asked: `commands`."""
    fake = SimpleNamespace(commands=[], returncode=0)

    def run(command, **_):
        fake.commands.append(command)
        return SimpleNamespace(returncode=fake.returncode, stderr="no route to host")

    monkeypatch.setattr(colab.subprocess, "run", run)
    return fake


def without(monkeypatch, lost):
    """From now on `lost(name)` says of each import whether it cannot be found."""
    monkeypatch.setattr(colab.importlib.util, "find_spec", lambda name: None if lost(name) else True)


def test_what_is_missing_is_installed_at_once_and_nothing_else(pip, monkeypatch):
    colab.ready(gpu=False)
    assert pip.commands == []
    without(monkeypatch, {"PIL", "tqdm"}.__contains__)
    colab.ready(gpu=False)
    (command,) = pip.commands
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-2:] == ["pillow>=11", "tqdm>=4.66"]


def test_torch_and_numpy_stay_as_they_are(pip, monkeypatch):
    without(monkeypatch, lambda name: True)
    colab.ready(gpu=False)
    (command,) = pip.commands
    ours = [word for word in command if word.startswith(("torch", "numpy"))]
    assert ours == [f"{name}=={colab.importlib.metadata.version(name)}" for name in ("numpy", "torch")]


def test_what_cannot_be_installed_is_told(pip, monkeypatch):
    without(monkeypatch, "tqdm".__eq__)
    pip.returncode = 1
    with pytest.raises(colab.ColabError, match=r"pip cannot install tqdm>=4.66. Check the network") as caught:
        colab.ready(gpu=False)
    assert caught.value._render_traceback_() == [str(caught.value)]


# --- the device -----------------------------------------------------------------------------------------------------


def test_the_device_is_the_one_that_the_notebook_takes(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    assert colab.device(gpu=True) == "the GPU (Tesla T4)"
    assert colab.device(gpu=False) == "the CPU and needs no GPU"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert colab.device(gpu=True).startswith("the CPU. With a GPU it is faster: Runtime > Change runtime type")
