"""The exercises of notebook 5: each function takes a learner's answer and says whether it is right, or hints."""

from helpers.lesson import checks
from helpers.lesson.checks import Result, right, wrong


def copies_by_chance(share: float, n_train: int, n_world: int) -> Result:
    """Check the share of training sprites among sprites drawn fairly from the whole world."""
    share, expected = checks.number(share), n_train / n_world
    if isinstance(share, Result):
        return share
    if abs(share - expected) <= max(0.01 * expected, 0.0005 if round(share, 3) == share else 0):
        return right(f"{expected:.1%} of fair draws are in the training set. That is no copying, that is chance.")
    if checks.near(share, 100 * expected) or abs(share - 100 * expected) <= 0.07:
        return wrong("That is in per cent. As a share, from 0 to 1, divide it by 100.")
    if checks.near(share, 1 - expected):
        return wrong("That is the share of those that are not in the training set.")
    if checks.near(share, 1 / expected):
        return wrong("Turned over: the part belongs above, the whole below.")
    if checks.near(share, n_train / (n_world - n_train)):
        return wrong("You divide by those that are not in the training set. A fair draw can hit those in it as well.")
    if share == 0:
        return wrong("Not none: the training sprites belong to the world, and a fair draw can meet them.")
    if not 0 <= share <= 1:
        return wrong("A share lies between 0 and 1.")
    return wrong("How many sprites are in the training set, and how many are there in all?")
