"""Exercises that check themselves: what the checks of all lessons share. A check takes a learner's answer and says
whether it is right, or hints.

An answer left at `...` is nobody's mistake: the notebook goes on. A function that raises is told so in one line.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

MARKS = {True: "✓ Right.", False: "✗ Not yet.", None: "… Your turn."}


@dataclass(frozen=True)
class Result:
    """What a check found. `passed` is True (right), False (not yet) or None (nothing to check yet)."""

    passed: bool | None
    message: str

    def __repr__(self) -> str:
        return f"{MARKS[self.passed]} {self.message}"


EMPTY = Result(None, "Replace the ... by your answer and run the cell again. You can also go on and come back later.")


def right(message: str) -> Result:
    """The answer is right."""
    return Result(True, message)


def wrong(message: str) -> Result:
    """The answer is not right yet; the message is a hint."""
    return Result(False, message)


def function(answer: Callable, reference: Callable, mistakes: Callable, inputs: Iterable[tuple], praise: str) -> Result:
    """Hold a learner's function against the right one, on several inputs.

    answer     what the learner wrote
    reference  the right function
    mistakes   takes the inputs, gives hint -> what that mistake amounts to; a hint must explain every answer
    inputs     what all three are called with, in turn; the learner's gets copies, which it may change
    praise     what is said of a right answer
    """
    pairs, hints = [], None
    for given in inputs:
        expected, known = reference(*given), mistakes(*given)
        got = call(answer, given)
        if isinstance(got, Result):
            return got
        pairs.append((got, expected))
        hints = [hint for hint in (known if hints is None else hints) if same(got, known[hint])]
    if all(same(got, expected) for got, expected in pairs):
        return right(praise)
    if hints:
        return wrong(hints[0])
    got, expected = next((got, expected) for got, expected in pairs if not same(got, expected))
    if got.shape != expected.shape:
        return wrong(f"The shape should be {tuple(expected.shape)}; yours is {tuple(got.shape)}.")
    off = (got - expected).abs().max().item()
    return wrong(
        f"The shape is right, the numbers are not: one is off by {off:.2g}. Try your function on a small case."
    )


def call(answer: Callable, given: tuple) -> torch.Tensor | Result:
    """What a learner's function makes of copies of the inputs, as a float64 tensor; or what to say if that fails."""
    try:
        got = answer(*(x.clone() if isinstance(x, torch.Tensor) else x for x in given))
    except Exception as error:  # whatever a learner's code raises, the notebook must go on
        return wrong(f"Your function stopped with {type(error).__name__}: {error}")
    if got is ...:
        return EMPTY
    if got is None:
        return wrong("Your function returns nothing. Does it end with return?")
    try:
        if isinstance(got, list | tuple) and len(got):
            got = torch.stack([torch.as_tensor(x) for x in got])
        return torch.as_tensor(got).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        return wrong(f"Return numbers, as a tensor; this is {type(got).__name__}.")


def number(value) -> float | Result:
    """A learner's number, of Python, numpy or PyTorch, as a float; or what to say if it is none."""
    if value is ...:
        return EMPTY
    try:
        return float(torch.as_tensor(value).item())
    except (TypeError, ValueError, RuntimeError):
        return wrong(f"One number is wanted; this is {value!r}.")


def same(a, b, tolerance: float = 1e-5) -> bool:
    """Are these the same numbers in the same shape, but for rounding?"""
    a, b = (torch.as_tensor(x).double() for x in (a, b))
    return a.shape == b.shape and torch.allclose(a, b, atol=tolerance)


def near(a: float, b: float) -> bool:
    """Do they agree to one part in a hundred?"""
    return abs(a - b) <= 0.01 * abs(b)


def samples(n: int = 3, seed: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    """Images in [-1, 1] and noise, each (n, 3, 16, 16), to try a learner's function on; the same every time."""
    g = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 3, 16, 16, generator=g) * 2 - 1
    return x, torch.randn(x.shape, generator=g)
