"""tests/stress/test_bad_files.py with every case: over 10,000 files."""

from tests.stress import test_bad_files
from tests.stress.test_bad_files import *  # noqa: F403

test_bad_files.STEP = 1
