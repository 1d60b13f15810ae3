"""A real browser and a real JupyterLab, for the browser tests and the benchmark.

`python -m tools.browser` makes sure that a Chromium can be had, and says what to do when none can.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, Playwright, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
ARGS = (
    "--no-sandbox",  # Chromium refuses to start as root, as in most containers, with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 60_000  # ms; a busy machine with two cores is slow to start JupyterLab and a kernel
HELP = """No Chromium could be found or installed, and the browser tests need one. Do one of these:
  - install Chromium or Google Chrome with your system's package manager (Debian: apt install chromium);
  - with a connection to the internet: .venv/bin/python -m playwright install --with-deps chromium;
  - name one that you have: INKDROP_CHROMIUM=/path/to/chrome"""


def find() -> str | None:
    """Path of a Chromium: the one named by INKDROP_CHROMIUM, else one on the PATH, else None (Playwright's own).

    Raises:
        FileNotFoundError: INKDROP_CHROMIUM names a file that does not exist.
    """
    named = os.environ.get("INKDROP_CHROMIUM")
    if named:
        if not shutil.which(named):
            raise FileNotFoundError(f"INKDROP_CHROMIUM names {named!r}, which is no program that can be run")
        return shutil.which(named)
    return next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Playwright):
    """A headless browser."""
    return playwright.chromium.launch(executable_path=find(), args=ARGS)


def _starts() -> str | None:
    """The version of the browser that starts, or None when none does."""
    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except Exception as error:
            print(f"no browser started: {str(error).splitlines()[0]}", file=sys.stderr)
            return None
        version = browser.version
        browser.close()
        return version


@dataclass
class Lab:
    """A running JupyterLab: where it serves, its token, the folder it shows, and the environment it runs in."""

    url: str
    token: str
    folder: Path
    env: dict

    def trust(self, path) -> None:
        """Sign a notebook in the folder, as somebody who ran it here would have."""
        command = [sys.executable, "-c", "from jupyter_core.command import main; main()", "trust", str(path)]
        subprocess.run(command, cwd=self.folder, env=self.env, check=True, capture_output=True)


@contextlib.contextmanager
def jupyterlab(**variables: str):
    """Start JupyterLab on a free port, in a temporary folder and with none of the user's settings; yields a `Lab`.

    The variables are set in its environment, and so in its kernels'.
    """
    with tempfile.TemporaryDirectory(prefix="inkdrop-lab-", ignore_cleanup_errors=True) as home:
        home = Path(home)
        folder = home / "notebooks"
        folder.mkdir()
        quiet = home / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
        quiet.parent.mkdir(parents=True)
        quiet.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
        # IPYTHONDIR and MPLCONFIGDIR too: a kernel must not meet the user's start-up files
        places = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_PATH": "path",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
            "MPLCONFIGDIR": "matplotlib",
            "INKDROP_CACHE": "cache",
        }
        places = {name: str(home / place) for name, place in places.items()}
        env = {**os.environ, "PYTHONPATH": str(ROOT), **places, **variables}
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
        command += ["--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True"]
        log = (home / "log").open("w+")
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
        try:
            yield Lab(folder=folder, env=env, **_address(server, home / "runtime", log))
        finally:
            server.terminate()  # it ends its kernels
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
            log.close()


def _address(server, runtime: Path, log) -> dict:
    """Wait until the server has written down where it listens, and answers there."""
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            with contextlib.suppress(json.JSONDecodeError):  # half written
                info = json.loads(file.read_text())
                return {"url": info["url"], "token": info["token"]}
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError("JupyterLab did not start:\n" + log.read())


def open_notebook(page: Page, lab: Lab, path) -> None:
    """Open a notebook, a path inside the lab's folder, and wait until the kernel that its metadata names is idle."""
    page.goto(f"{lab.url}lab/tree/{Path(path).as_posix()}?token={lab.token}&reset", timeout=PATIENCE)
    kernel = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
    page.wait_for_function(f"() => {kernel}?.status === 'idle'", timeout=PATIENCE)
    page.locator(".jp-Notebook").wait_for(timeout=PATIENCE)


def start(page: Page, command: str) -> int:
    """Start one of JupyterLab's commands, such as "notebook:run-all-cells"; returns what `ended` waits for it by."""
    return page.evaluate(
        """(command) => { const ended = (window.ended ??= []), place = ended.push(null) - 1;
        window.jupyterapp.commands.execute(command).then((ok) => { ended[place] = Boolean(ok); });
        return place; }""",
        command,
    )


def ended(page: Page, started: int, patience: int = PATIENCE) -> bool:
    """Wait at most `patience` ms for the end of a command, whatever others run meanwhile; whether it went well."""
    page.wait_for_function("place => window.ended[place] !== null", arg=started, timeout=patience)
    return page.evaluate("place => window.ended[place]", started)


def run_all(page: Page, patience: int = PATIENCE) -> None:
    """Run every cell, as the menu does, and wait at most `patience` ms for the last; raises when a cell fails."""
    if not ended(page, start(page, "notebook:run-all-cells"), patience):
        raise RuntimeError("a cell failed:\n" + "\n".join(page.locator(".jp-OutputArea-output").all_inner_texts()))


def pixels(figure, panel: int = 0) -> np.ndarray:
    """uint8 (16, 16, 3): what a canvas of a scrubber holds now."""
    flat = figure.locator("canvas").nth(panel).evaluate("c => [...c.getContext('2d').getImageData(0,0,16,16).data]")
    return np.array(flat, np.uint8).reshape(16, 16, 4)[..., :3]


def main() -> int:
    try:
        version = _starts()
        if version is None and find() is None:
            subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
            version = _starts()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    if version is None:
        print(HELP, file=sys.stderr)
        return 1
    print(f"browser tests run in Chromium {version} ({find() or 'installed by Playwright'})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
