"""The stop button (Ctrl-C) held back, so that a step of training is done wholly or not at all."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back the stop button (Ctrl-C) until the end of the block, so that it is done wholly or not at all."""
    if threading.current_thread() is not threading.main_thread():
        yield  # here signals never arrive
        return
    held: list[bool] = []
    before = signal.signal(signal.SIGINT, lambda *_: held.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        signal.raise_signal(signal.SIGINT)
