"""tests/test_bad_files.py with every case: over 10,000 files."""

from tests import test_bad_files
from tests.test_bad_files import *  # noqa: F403

test_bad_files.STEP = 1
