"""What a network can be asked: the sprite, the noise on it, or v, a mix of both. Three answers that say the same.

    target     the network's answer is            read as a guess of x0
    "sprite"   x0                                 as it is
    "noise"    the noise (epsilon)                (xt - sqrt(1 - alpha_bar) * noise) / sqrt(alpha_bar)
    "v"        sqrt(alpha_bar) * noise            sqrt(alpha_bar) * xt - sqrt(1 - alpha_bar) * v
               - sqrt(1 - alpha_bar) * x0

"noise" is Ho et al. 2020 (arXiv:2006.11239), "v" Salimans & Ho 2022 (arXiv:2202.00512). What differs is how much an
error counts: the squared error of the noise is SNR times that of the sprite, of v SNR + 1 times (their section 4).
"""

from torch import Tensor, nn

from helpers.schedule import Schedule
from helpers.training import Batch

TARGETS = ("sprite", "noise", "v")


class Denoiser(nn.Module):
    """A network that is asked for `target`, made to answer as all networks here do: `net(xt, t)` is a guess of x0.

    net     (xt, t) -> answer, (N, C, H, W) like xt; kept as `.net`
    sched   the noise schedule it is trained with
    target  "sprite", "noise" or "v"

    Trained by `training.Run(..., loss=targets.plain_loss)`, sampled by `sampler.sample`. Raises ValueError for
    another target.
    """

    def __init__(self, net: nn.Module, sched: Schedule, target: str):
        super().__init__()
        if target not in TARGETS:
            raise ValueError(f"a network can be asked for {', '.join(map(repr, TARGETS))}; got {target!r}")
        self.net, self.sched, self.target = net, sched, target

    def forward(self, xt: Tensor, t: int | Tensor) -> Tensor:
        """Which sprite was it? xt (N, C, H, W) float, t an int or an integer tensor (N,) -> (N, C, H, W).

        Raises TypeError or ValueError for a level that the schedule does not have.
        """
        return self.read(self.net(xt, t), xt, t)

    def right_answer(self, x0: Tensor, noise: Tensor, t: int | Tensor) -> Tensor:
        """What the network should say: x0 and noise (N, C, H, W), t as in `forward` -> (N, C, H, W)."""
        signal, spread = self.sched.amplitudes(t, len(x0))
        return {"sprite": x0, "noise": noise, "v": signal * noise - spread * x0}[self.target]

    def read(self, answer: Tensor, xt: Tensor, t: int | Tensor) -> Tensor:
        """The guess of x0 that an answer amounts to: answer and xt (N, C, H, W), t as in `forward` -> (N, C, H, W).

        Read from the noise, a guess is clamped to [-1, 1], where all images lie: at the last level the division by
        sqrt(alpha_bar) makes an error of the answer 10,000 times larger. The other two divide by nothing.
        """
        signal, spread = self.sched.amplitudes(t, len(xt))
        if self.target == "noise":
            return ((xt - spread * answer) / signal).clamp(-1, 1)
        return answer if self.target == "sprite" else signal * xt - spread * answer


def plain_loss(net: Denoiser, batch: Batch, sched: Schedule) -> Tensor:
    """The mean squared error of the answer, unweighted: a scalar. Arguments as of `training.step_loss`.

    The loss looks at the answer itself: through the guess, which may be clamped, no gradient would reach the worst
    answers. Raises TypeError for a net that is no `Denoiser`, since nobody knows what that one is asked for.
    """
    if not isinstance(net, Denoiser):
        raise TypeError(f"plain_loss needs to know what is asked: use Denoiser(net, sched, 'noise'), not {type(net)}")
    answer = net.net(sched.add_noise(batch.x0, batch.t, batch.noise), batch.t)
    return (answer - net.right_answer(batch.x0, batch.noise, batch.t)).square().mean()
