"""What a network can be asked: the sprite, the noise on it, or v, a mix of both. Three answers that say the same.

    target     the network's answer is            read as a guess of x0
    "sprite"   x0                                 as it is
    "noise"    the noise                          (xt - sqrt(1 - alpha_bar) * noise) / sqrt(alpha_bar)
    "v"        sqrt(alpha_bar) * noise            sqrt(alpha_bar) * xt - sqrt(1 - alpha_bar) * v
               - sqrt(1 - alpha_bar) * x0

"noise" is Ho et al. 2020 (arXiv:2006.11239), "v" Salimans & Ho 2022 (arXiv:2202.00512). What differs is how much an
error counts: the squared error of the noise is SNR times that of the sprite, of v SNR + 1 times (their section 4).
"""

from pathlib import Path

import torch
from torch import nn

from helpers.schedule import Schedule, check_level

TARGETS = ("sprite", "noise", "v")
MEASURED = Path(__file__).parent.parent / "benchmarks" / "targets.json"  # by `python -m benchmarks.targets`


class Predicts(nn.Module):
    """A network that is asked for `target`, made to answer as all networks here do: `net(xt, t)` is a guess of x0.

    net     (xt, t) -> answer, (N, C, H, W) like xt; kept as `.net`
    sched   the noise schedule it is trained with
    target  "sprite", "noise" or "v"

    Trained by `training.train(..., loss=targets.plain_loss)`, sampled by `sampler.sample`. Raises ValueError for
    another target.
    """

    def __init__(self, net: nn.Module, sched: Schedule, target: str):
        super().__init__()
        if target not in TARGETS:
            raise ValueError(f"a network can be asked for {', '.join(map(repr, TARGETS))}; got {target!r}")
        self.net, self.target = net, target
        # A buffer goes where the network goes; not persistent, since the schedule is no part of its weights.
        self.register_buffer("alpha_bar", sched.alpha_bar, persistent=False)

    def forward(self, xt, t):
        """Which sprite was it? xt (N, C, H, W) float, t an int or an integer tensor (N,) -> (N, C, H, W).

        Raises TypeError or ValueError for a level that the schedule does not have.
        """
        return self.read(self.net(xt, t), xt, t)

    def wanted(self, x0, noise, t):
        """The right answer: x0 and noise (N, C, H, W), t as in `forward` -> (N, C, H, W)."""
        signal, spread = self.shares(t, len(x0))
        return {"sprite": x0, "noise": noise, "v": signal * noise - spread * x0}[self.target]

    def read(self, answer, xt, t):
        """The guess of x0 that an answer amounts to: answer and xt (N, C, H, W), t as in `forward` -> (N, C, H, W).

        Read from the noise, a guess is clamped to [-1, 1], where all images lie: at the last level the division by
        sqrt(alpha_bar) makes an error of the answer 10,000 times larger. The other two divide by nothing.
        """
        signal, spread = self.shares(t, len(xt))
        if self.target == "noise":
            return ((xt - spread * answer) / signal).clamp(-1, 1)
        return answer if self.target == "sprite" else signal * xt - spread * answer

    def shares(self, t, n):
        """Amplitudes at level t of the sprite and of the noise on it, for n images: two (1 or n, 1, 1, 1)."""
        alpha_bar = self.alpha_bar[check_level(t, len(self.alpha_bar) - 1, n)].view(-1, 1, 1, 1)
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


def plain_loss(net, x0, t, noise, sched):
    """The mean squared error of the answer, unweighted, and that of each guess of x0: (scalar, (N,)).

    Arguments and results are those of `training.step_loss`, for a net that is a `Predicts`. The loss looks at the
    answer itself: through the guess, which may be clamped, no gradient would reach the worst answers.

    Raises TypeError for any other net, ValueError if it was made for another schedule.
    """
    if not isinstance(net, Predicts):
        raise TypeError(
            f"plain_loss must know what the network is asked for: wrap it, Predicts(net, sched, 'noise'); "
            f"got {type(net).__name__}"
        )
    if not torch.equal(net.alpha_bar, sched.alpha_bar):
        raise ValueError("the network was wrapped for another noise schedule: give Predicts the one you train with")
    xt = sched.add_noise(x0, t, noise)
    answer = net.net(xt, t)
    guess = net.read(answer.detach(), xt, t)
    return (answer - net.wanted(x0, noise, t)).square().mean(), (guess - x0).square().mean(dim=(1, 2, 3))
