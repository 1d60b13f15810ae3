"""What several test files need, and who runs which of them."""

import errno
import io
import os
import tempfile

import pytest

# What is made, such as the drawn world, all workers share. It is gone at the end, and nothing of the developer's own.
if "PYTEST_XDIST_WORKER" not in os.environ:
    cache = tempfile.TemporaryDirectory(prefix="inkdrop-tests-")
    os.environ["INKDROP_CACHE"] = cache.name

SHARING = "tests/browser/", "tests/long/colab/"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests run in one worker; so do those of a folder that share a JupyterLab or an environment."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            if nodeid.startswith("tests/long/test_own_lessons.py"):
                return nodeid  # these share nothing and take long
            return next(filter(nodeid.startswith, SHARING), super()._split_scope(nodeid))

    return ByFile(config, log)


def pytest_collection_modifyitems(config):
    """By now pytest-cov has begun. Of nbval's kernels nothing is measured: those run the copy of a rehearsal."""
    config.option.cov_source = None


@pytest.fixture
def fill_disk(monkeypatch):
    """fill_disk("write" | "fsync" | "replace"): from now on this step of writing a file finds the disk full."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(io.FileIO):
        write = full

    def open_full(file, mode="r", *rest, opened=io.open, **more):
        return Full(file, mode) if set(mode) & set("awx+") else opened(file, mode, *rest, **more)

    def fill(step):
        if step == "write":
            monkeypatch.setattr(io, "open", open_full)  # by which pathlib opens files
        else:
            monkeypatch.setattr(os, step, full)

    return fill
