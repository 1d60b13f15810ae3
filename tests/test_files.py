"""Where files go: the cache folder and what stands in for it, and what killed writers leave."""

import os
import tempfile
import time

import pytest

from helpers.storage import files


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files; what was said of stand-ins is forgotten."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    files._stand_in.cache_clear()
    yield folder
    files._stand_in.cache_clear()


@pytest.fixture
def no_place(tmp_path, monkeypatch):
    """INKDROP_CACHE names a folder that nobody can make."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("INKDROP_CACHE", str(tmp_path / "file" / "cache"))
    return tmp_path / "file" / "cache"


def test_the_cache_is_where_it_was_wished_or_else_the_users_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("INKDROP_CACHE", str(tmp_path / "a" / "b"))
    assert files.cache() == tmp_path / "a" / "b" and files.cache().is_dir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INKDROP_CACHE", "~/mine")
    if os.name != "nt":  # there HOME means nothing
        assert files.cache() == tmp_path / "home" / "mine"
    monkeypatch.delenv("INKDROP_CACHE")
    monkeypatch.setattr(files.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "own" / name))
    assert files.cache() == tmp_path / "own" / "inkdrop"
    assert capsys.readouterr().out == ""


def test_where_it_cannot_be_written_another_stands_in_and_a_line_says_so_once(temporary, no_place, capsys):
    folder = files.cache()
    assert folder.parent == temporary and folder.name.startswith("inkdrop-")
    assert files.cache() == folder
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and f"{no_place} cannot be written" in said and str(folder) in said
    files.replace(folder / "world", b"sprites")
    files._stand_in.cache_clear()  # as in another notebook
    assert (files.cache() / "world").read_bytes() == b"sprites"


def test_without_a_home(temporary, monkeypatch, capsys):
    monkeypatch.setenv("INKDROP_CACHE", "~nobody-of-that-name/cache")
    assert files.cache().parent == temporary
    assert "cannot be written" in capsys.readouterr().out


def test_what_stands_in_is_ones_own(temporary, no_place, monkeypatch):
    """Somebody else may have made a folder, a link or a file of that name, to have us read what they put there."""
    usual = files.cache()
    usual.rmdir()
    for make in (lambda: usual.symlink_to("gone"), usual.touch):
        make()
        files._stand_in.cache_clear()
        assert files.cache() != usual and files.cache().parent == temporary
        usual.unlink()
    if hasattr(os, "getuid"):
        stranger = os.getuid() + 1
        (temporary / f"inkdrop-{stranger}").mkdir()
        monkeypatch.setattr(os, "getuid", lambda: stranger)
        files._stand_in.cache_clear()
        assert files.cache().name != f"inkdrop-{stranger}"


def test_without_any_place_it_is_left_to_whoever_writes(no_place, monkeypatch):
    def none(*_):
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    files._stand_in.cache_clear()
    assert files.cache() == no_place
    with pytest.raises(OSError):
        files.replace(files.cache() / "world", b"sprites")


def test_what_killed_writers_left_is_removed_an_hour_later(tmp_path):
    long_ago = time.time() - 2 * files.HOUR
    old, young, others, mine = (
        tmp_path / name for name in ("[1].abcd1234.tmp", "[1].abcd_234.tmp", "1.abcd1234.tmp", "[1].tmp")
    )
    for file in (old, young, others, mine):
        file.write_bytes(b"half")
        if file != young:
            os.utime(file, (long_ago, long_ago))
    files.replace(tmp_path / "[1]", b"whole")
    assert set(tmp_path.iterdir()) == {young, others, mine, tmp_path / "[1]"}


def test_stopped_just_after_the_replacing(tmp_path, monkeypatch):
    def stop(*args, replace=os.replace):
        replace(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        files.replace(tmp_path / "file", b"whole")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"whole"]
