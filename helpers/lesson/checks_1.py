"""The exercises of notebook 1: each function takes a learner's answer and says whether it is right, or hints."""

import re
from collections.abc import Callable, Mapping

import torch
from scipy import stats

from helpers.lesson import checks, noisings
from helpers.lesson.checks import Result, right, wrong
from helpers.schedule import Schedule


def one_step(keep: Callable, sched: Schedule) -> Result:
    """Check `keep(beta)`: what multiplies x in one step, so that variance 1 stays 1 (Ho et al. 2020, eq. 2)."""

    def reference(beta):
        return (1 - beta).sqrt()

    def mistakes(beta):
        return {
            "Then the variance grows with every step: there is no pull.": torch.ones_like(beta),
            "Twice x has four times the variance. So your x keeps the square of that share of it.": 1 - beta,
            "Widths do not add up, variances do. Add up the two variances.": 1 - beta.sqrt(),
            "That is the weight of the noise. What is left for x?": beta.sqrt(),
            "That is the variance of the noise. What is left for x, and what multiplies it then?": beta.clone(),
            "That would be right if the noise were multiplied too. It is added afterwards.": 1 / (1 + beta).sqrt(),
            "That makes x larger, and the noise adds to it.": (1 + beta).sqrt(),
        }

    inputs = [(beta.clone(),) for beta in (*sched.beta[[sched.T // 5, sched.T // 2]], *torch.tensor([0.0, 0.3, 0.84]))]
    praise = "The variance of x falls by as much as the noise brings: 1 stays 1, for any number of steps."
    return checks.function(keep, reference, mistakes, inputs, praise)


def three_noisings(answer: Mapping[str, str]) -> Result:
    """Check the diagnosis of the three `noisings`: letter -> "right", "noise too weak" or "sprite too weak"."""
    if answer is ...:
        return checks.EMPTY
    if isinstance(answer, list | tuple) and len(answer) == len(noisings.FAULTS):
        answer = dict(zip(noisings.FAULTS, answer, strict=True))
    if not isinstance(answer, Mapping):
        return wrong("Give one of the three answers for each letter, as the cell shows.")
    given = {str(name).strip().upper(): value for name, value in answer.items()}
    if given.keys() != noisings.FAULTS.keys():
        return wrong("Give an answer for A, B and C, each once.")
    if any(value is ... for value in given.values()):
        return checks.EMPTY
    words = {name: " ".join(re.findall(r"[a-z]+", str(value).lower())) for name, value in given.items()}
    unknown = [value for name, value in given.items() if words[name] not in noisings.FAULTS.values()]
    if unknown:
        return wrong(
            f'The answers are "right", "noise too weak" and "sprite too weak"; {unknown[0]!r} is none of them.'
        )
    hits = sum(words[name] == fault for name, fault in noisings.FAULTS.items())
    if hits == len(noisings.FAULTS):
        return right("A picture would hardly have told you. A measurement does, in one line.")
    return wrong(
        f"{hits} of 3 are right. Give each of them no sprite at all, then no noise at all, and look at numbers."
    )


def best_answer(answer: Callable) -> Result:
    """Check `answer(p, images)`: the average of the sprites, each weighted by its probability, E[x0 | xt]."""

    def reference(p, images):
        return torch.einsum("m,mchw->chw", p, images)

    def mistakes(p, images):
        mean = reference(p, images)
        weighted = p.view(-1, 1, 1, 1) * images
        return {
            "That is the likeliest sprite. The others are possible too, and count as much.": images[p.argmax()],
            "That is the plain average. Some sprites are likelier than others: use p.": images.mean(dim=0),
            "The probabilities add up to 1 already: do not divide by the number of sprites.": mean / len(p),
            "Good: each sprite has its weight. Now add them up over the first dimension.": weighted,
            "Right numbers, with a dimension too many: return one image, (3, 16, 16).": mean[None],
        }

    g = torch.Generator().manual_seed(7)
    inputs = []
    for count, *shape in ((3, 3, 16, 16), (5, 3, 16, 16), (7, 2, 4, 9), (16, 3, 16, 16)):
        p = torch.softmax(2 * torch.randn(count, generator=g), dim=0)
        inputs.append((p, torch.rand(count, *shape, generator=g) * 2 - 1))
    praise = "The average of all sprites, each weighted by its probability: nothing has a smaller squared error."
    return checks.function(answer, reference, mistakes, inputs, praise)


def impostor(values: torch.Tensor) -> Result:
    """Check noise of mean 0 and variance 1 that is not from a normal distribution (at least 10,000 values).

    Mean and variance may be off by five of their standard errors. The shape is judged by the largest gap between the
    cumulative curves (Kolmogorov 1933, Smirnov 1948), which sees any shape, even one with the skew and the kurtosis of
    a bell. From a bell curve, the gap of n values stays below 2.5 / sqrt(n) but for one time in 100,000.
    """
    if values is ...:
        return checks.EMPTY
    try:
        values = torch.as_tensor(values).detach().cpu().flatten().double()
    except (TypeError, ValueError, RuntimeError):
        return wrong(f"Numbers are wanted, as a tensor; this is {type(values).__name__}.")
    n = len(values)
    if n < 10_000:
        return wrong(f"Make at least 10,000 values, so that the test has something to go on; here are {n:,}.")
    if not values.isfinite().all():
        return wrong("Some values are infinite or not a number.")
    mean, variance = values.mean().item(), values.var().item()
    if variance == 0:
        return wrong("All values are the same, so the variance is 0.")
    error = (variance / n) ** 0.5
    if abs(mean) > 5 * error:
        return wrong(f"The mean is {mean:.3f}, and chance explains ±{5 * error:.3f} of it. It should be 0.")
    error = min(((values - mean).square().var().item() / n) ** 0.5, 0.05)
    if abs(variance - 1) > max(5 * error, 1e-3):
        return wrong(f"The variance is {variance:.3f}, and should be 1. Divide by the standard deviation.")
    gap = stats.kstest(values.numpy(), "norm").statistic
    if gap < 2.5 / n**0.5:
        return wrong(f"The test takes it for a bell curve: the largest gap is {gap:.4f}. Try quite another shape.")
    return right(f"Mean 0 and variance 1, and yet no bell curve: the largest gap is {gap:.3f}.")
