"""What several test files need."""

import errno
import io
import os

import pytest


@pytest.fixture
def fill_disk(monkeypatch):
    """fill_disk("write" | "fsync" | "replace"): from now on this step of writing a file finds the disk full."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(io.FileIO):
        write = full

    def fill(step):
        if step == "write":
            monkeypatch.setattr(os, "fdopen", lambda handle, mode: Full(handle, mode))
        else:
            monkeypatch.setattr(os, step, full)

    return fill
