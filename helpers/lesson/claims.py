"""What a lesson claims: a sentence, the number that was measured, and the bound that it must keep.

A claim is printed, whichever way it comes out. A learner's notebook never stops over one. Where the lessons are tried
out (INKDROP_STRICT=1), a false claim raises, so that no lesson says what does not hold.
"""

import math
import operator
import os

RELATIONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
RELATIONS |= {"!=": operator.ne, "in": lambda measured, bounds: bounds[0] <= measured <= bounds[1]}


def claim(words: str, measured, relation: str, bound, here: bool = True) -> None:
    """Print the words, the measured value and the bound, and whether they hold.

    words     the sentence that is claimed
    measured  a number or a text
    relation  "<", "<=", ">", ">=", "==" or "!=", or "in" for between two bounds
    bound     what it is held against; for "in" a pair (lowest, highest)
    here      whether the claim is made here: of a learner's own sprites the value is shown without a verdict
    Raises AssertionError if a claim made here is false and INKDROP_STRICT is 1; ValueError for an unknown relation.
    """
    if relation not in RELATIONS:
        raise ValueError(f"relation must be one of {', '.join(RELATIONS)}; this is {relation!r}")
    holds = bool(RELATIONS[relation](measured, bound))
    against = f"between {_text(bound[0])} and {_text(bound[1])}" if relation == "in" else f"{relation} {_text(bound)}"
    if not here:
        print(f"· {words}: {_text(measured)} here. Claimed of Inkdrop's own sprites and network only: {against}")
        return
    print(f"{'✓' if holds else '✗'} {words}: {_text(measured)} {'' if holds else 'is not '}{against}")
    if not holds and os.environ.get("INKDROP_STRICT") == "1":
        raise AssertionError(f"claimed, and false: {words}: {_text(measured)} {against}")


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The share that `hits` of `n` may stand for: a band (lowest, highest), within [0, 1].

    z  how many standard errors wide; 1.96 holds the true share 95 times in 100
    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference". Unlike the textbook's
    p ± z·sqrt(p(1 - p)/n) it neither vanishes at 0 and 1 nor leaves that range.
    Raises ValueError unless 0 <= hits <= n and n > 0.
    """
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"hits must be from 0 to n, and n above 0; here are {hits} of {n}")
    share, extra = hits / n, z**2 / n
    middle = (share + extra / 2) / (1 + extra)
    half = z * (share * (1 - share) / n + extra / (4 * n)) ** 0.5 / (1 + extra)
    return max(0.0, middle - half), min(1.0, middle + half)


def _text(value) -> str:
    """A number with three figures that count, whole ones whole; anything else as it is."""
    if isinstance(value, str | bool):
        return str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    whole = math.isfinite(number) and (number == int(number) or abs(number) >= 1000)
    return f"{number:,.0f}" if whole else f"{number:.3g}"
