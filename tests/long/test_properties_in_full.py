"""tests/test_properties.py with four times as many examples."""

from hypothesis import settings

settings.register_profile("long", max_examples=400)
settings.load_profile("long")
from tests.test_properties import *  # noqa: E402, F403

settings.load_profile("default")
