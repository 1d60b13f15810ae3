"""What only `make test-all` runs. The fixtures for tests in a browser are those of tests/browser."""

from tests.browser.conftest import browser, lab, offline, page  # noqa: F401
