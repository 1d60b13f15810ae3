"""Finding a browser: the one that is named, else one on the PATH; and advice when there is none."""

import pytest

from tools import browser


def test_the_named_browser_comes_first(monkeypatch, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    monkeypatch.setenv("INKDROP_CHROMIUM", str(mine))
    assert browser.find() == str(mine)
    monkeypatch.setenv("INKDROP_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="INKDROP_CHROMIUM"):
        browser.find()


def test_the_path_comes_next_and_playwrights_own_last(monkeypatch, tmp_path):
    monkeypatch.delenv("INKDROP_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find() is None
    chrome = tmp_path / "google-chrome"
    chrome.write_text("#!/bin/sh\n")
    chrome.chmod(0o755)
    assert browser.find() == str(chrome)


def test_without_a_browser_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(browser, "find", lambda: None)
    monkeypatch.setattr(browser, "_starts", lambda: None)
    monkeypatch.setattr(browser.subprocess, "run", lambda command, check: None)
    assert browser.main() == 1
    assert "apt install chromium" in capsys.readouterr().err
