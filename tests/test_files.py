"""Where files go: the cache folder and what stands in for it, what killed writers leave, and tensors in a file."""

import json
import os
import pickle
import stat
import tempfile
import time

import pytest
import safetensors.torch
import torch

from helpers.storage import files
from helpers.storage.files import FileError


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


def test_the_cache_is_where_it_was_wished_or_else_in_the_project(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("INKDROP_CACHE", str(tmp_path / "a" / "b"))
    assert files.cache() == tmp_path / "a" / "b" and files.cache().is_dir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INKDROP_CACHE", "~/mine")
    if os.name != "nt":  # there HOME means nothing
        assert files.cache() == tmp_path / "home" / "mine"
    monkeypatch.delenv("INKDROP_CACHE")
    monkeypatch.setattr(files, "ROOT", tmp_path / "project")
    assert files.cache() == tmp_path / "project" / ".cache"
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


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_file_may_be_read_by_whom_the_system_lets(tmp_path):
    files.replace(tmp_path / "ours", b"")
    (tmp_path / "usual").touch()
    assert stat.filemode((tmp_path / "ours").stat().st_mode) == stat.filemode((tmp_path / "usual").stat().st_mode)


# ---- tensors in a file ----


def test_what_was_loaded_does_not_change_with_the_file(tmp_path):
    path = tmp_path / "new" / "folder" / "tensors"
    files.save_tensors(path, {"a": torch.ones(9)}, {})
    tensors, _ = files.load_tensors(path)
    size = path.stat().st_size
    with path.open("r+b") as file:  # the file itself, not another in its place
        file.write(bytes(size))
    assert torch.equal(tensors["a"], torch.ones(9))


def with_header(content, **changes):
    """The file with other entries in its header."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"].update(changes)
    header = json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def flip(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


BAD = {
    "empty": (lambda c: b"", "truncated, damaged or not"),
    "half": (lambda c: c[: len(c) // 2], "truncated, damaged or not"),
    "one byte short": (lambda c: c[:-1], "truncated, damaged or not"),
    "header only": (lambda c: c[:100], "truncated, damaged or not"),
    "a weight damaged": (lambda c: flip(c, len(c) - 9), "checksum"),
    "the step damaged": (lambda c: with_header(c, info='{"step": 5}'), "checksum"),
    "no checksum": (lambda c: with_header(c, sha256=""), "checksum"),
    "text": (lambda c: b"These are not weights.", "truncated, damaged or not"),
    "pickle": (lambda c: pickle.dumps({"net": 1}), "truncated, damaged or not"),
    "weights of something else": (lambda c: safetensors.torch.save({"weight": torch.ones(3)}), "another program"),
    "older": (lambda c: with_header(c, version="1"), "written by inkdrop 1, and only inkdrop 2"),
    "newer": (lambda c: with_header(c, version="3"), "written by inkdrop 3, and only inkdrop 2"),
    "facts that are none": (lambda c: with_header(c, info="{"), "truncated, damaged or not"),
}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "tensors"
    files.save_tensors(path, {"a": torch.arange(200.0)}, {"step": 3})
    return path


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_and_left_alone(kind, saved):
    spoil, says = BAD[kind]
    saved.write_bytes(bad := spoil(saved.read_bytes()))
    with pytest.raises(FileError, match=f"(?s)tensors: .*{says}"):
        files.load_tensors(saved)
    assert saved.read_bytes() == bad


def test_no_such_file(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(FileError, match="no such file, or not a plain one"):
            files.load_tensors(path)


@pytest.mark.parametrize("broken", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(broken, saved, fill_disk):
    before = saved.read_bytes()
    fill_disk(broken)
    with pytest.raises(FileError, match=r"No space left.*still in memory.*Make room"):
        files.save_tensors(saved, {"a": torch.zeros(3)}, {})
    assert saved.read_bytes() == before and list(saved.parent.iterdir()) == [saved]


def test_a_place_that_cannot_be_written(saved):
    with pytest.raises(FileError, match="cannot be written"):
        files.save_tensors(saved / "below a file", {"a": torch.zeros(3)}, {})
    assert files.load_tensors(saved)[1] == {"step": 3}


def test_facts_that_no_header_can_hold(saved):
    before = saved.read_bytes()
    with pytest.raises(TypeError, match="JSON"):
        files.save_tensors(saved, {}, {"teacher": torch.zeros(3)})
    assert saved.read_bytes() == before
