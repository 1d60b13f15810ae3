"""Finding a browser: the one that is named, else one on the PATH; and advice when there is none."""

import os
import subprocess
import sys

import pytest

from tools import browser

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a script is no program there")


def program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_the_named_browser_comes_first(monkeypatch, tmp_path):
    mine = program(tmp_path / "mine", "")
    monkeypatch.setenv("INKDROP_CHROMIUM", mine)
    assert browser.find() == mine
    monkeypatch.setenv("INKDROP_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="INKDROP_CHROMIUM"):
        browser.find()


def test_the_path_comes_next_and_playwrights_own_last(monkeypatch, tmp_path):
    monkeypatch.delenv("INKDROP_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find() is None
    chrome = program(tmp_path / "google-chrome", "")
    assert browser.find() == chrome


def test_where_none_starts_it_says_what_to_do(tmp_path):
    env = {**os.environ, "INKDROP_CHROMIUM": program(tmp_path / "broken", "exit 3")}
    command = [sys.executable, "-m", "tools.browser"]
    done = subprocess.run(command, cwd=browser.ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "apt install chromium" in done.stderr and "Traceback" not in done.stderr
