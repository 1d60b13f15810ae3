"""The three targets: that they say the same, how their losses differ, and that training and sampling take each."""

import copy

import pytest
import torch

from helpers import sampler, schedule
from helpers.targets import TARGETS, Denoiser, plain_loss
from helpers.training import Batch, Run
from helpers.unet import UNet

SCHED = schedule.cosine()
LEVELS = torch.tensor([1, 50, 250, 400, 499, 500])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draw():
    """Six pictures of 4x4 blocks in [-1, 1], and noise."""
    small = torch.rand((6, 3, 4, 4), generator=generator(5)) * 2 - 1
    x0 = small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    return x0, torch.randn(x0.shape, generator=generator(6))


def answers(answer):
    """A network that always gives this answer; it has one weight, which changes nothing."""

    class Fixed(torch.nn.Linear):
        def forward(self, xt, t):
            return answer + 0 * self.weight.sum()

    return Fixed(1, 1)


def network(target, seed=1):
    return Denoiser(UNet(16, generator=generator(seed)), SCHED, target)


def train(net, n=2, **options):
    return list(Run(net, draw()[0], SCHED, generator(), steps=n, batch_size=8, loss=plain_loss, **options))


@pytest.mark.parametrize("target", TARGETS)
def test_a_perfect_answer_is_read_as_the_sprite(target):
    x0, noise = draw()
    xt = SCHED.add_noise(x0, LEVELS, noise)
    answer = Denoiser(answers(None), SCHED, target).right_answer(x0, noise, LEVELS)
    net = Denoiser(answers(answer), SCHED, target)
    # From the noise, rounding at the last level is magnified as any error is: 1e-7 becomes 1e-3.
    tolerance = torch.where(LEVELS < 500, 1e-4, 1e-2 if target == "noise" else 1e-4).view(-1, 1, 1, 1)
    assert ((net(xt, LEVELS) - x0).abs() < tolerance).all()
    assert plain_loss(net, Batch(x0, LEVELS, noise), SCHED) == 0


@pytest.mark.parametrize("t", [1, 250, 500])
def test_a_level_may_be_one_number(t):
    x0, noise = draw()
    for target in TARGETS:
        net = network(target)
        assert torch.equal(net(x0, t), net(x0, torch.full((6,), t)))
        assert torch.equal(net.right_answer(x0, noise, t), net.right_answer(x0, noise, torch.full((6,), t)))


@pytest.mark.parametrize(("target", "more"), [("sprite", None), ("noise", 0), ("v", 1)])
def test_an_error_of_the_sprite_counts_snr_times_in_the_noise_and_once_more_in_v(target, more):
    x0, noise = draw()
    guess = x0 / 2
    for t in (50, 250, 400):
        xt = SCHED.add_noise(x0, t, noise)
        alpha_bar = SCHED.alpha_bar[t]
        implied = (xt - alpha_bar.sqrt() * guess) / (1 - alpha_bar).sqrt()  # the noise, if the sprite were the guess
        net = Denoiser(answers(Denoiser(answers(None), SCHED, target).right_answer(guess, implied, t)), SCHED, target)
        assert torch.allclose(net(xt, t), guess, atol=1e-4)
        loss = plain_loss(net, Batch(x0, torch.full((6,), t), noise), SCHED)
        weight = 1 if more is None else SCHED.snr(t) + more
        assert loss.item() == pytest.approx((weight * (guess - x0).square().mean()).item(), rel=1e-3)


def test_asked_for_the_sprite_the_network_is_left_as_it_is():
    x0, noise = draw()
    net = network("sprite")
    assert torch.equal(net(noise, 500), net.net(noise, 500))
    error = (net(SCHED.add_noise(x0, LEVELS, noise), LEVELS) - x0).square().mean()
    assert plain_loss(net, Batch(x0, LEVELS, noise), SCHED).item() == pytest.approx(error.item())


def test_wild_answers_stay_finite_and_still_teach():
    x0, noise = draw()
    xt = SCHED.add_noise(x0, 500, noise)
    for answer in (0 * noise, 1000 * noise):
        assert Denoiser(answers(answer), SCHED, "noise")(xt, 500).abs().max() <= 1

    net = network("noise")  # all guesses are clamped here, and yet there is a gradient
    plain_loss(net, Batch(x0, torch.full((6,), 500), noise), SCHED).backward()
    assert net(xt, 500).abs().min() > 0.99
    assert net.net.leave[-1].weight.grad.abs().max() > 0


@pytest.mark.parametrize("target", TARGETS)
def test_training_lowers_the_loss(target):
    states = train(network(target), n=60, lr=1e-2)
    first, last = (sum(state.loss for state in some) for some in (states[:10], states[-10:]))
    assert last < 0.8 * first
    assert isinstance(states[-1].ema, Denoiser) and states[-1].ema.target == target


@pytest.mark.parametrize("target", TARGETS)
def test_sampling(target):
    ema = train(network(target))[-1].ema
    for step in sampler.sample(ema, SCHED, n=3, steps=4, generator=generator(), clip=False):
        assert step.xt.isfinite().all() and step.x0_guess.isfinite().all()
    assert step.t == 0 and step.xt.shape == (3, 3, 16, 16)


def test_copies_and_weights():
    net = network("v")
    other = copy.deepcopy(net)
    assert other.target == "v" and torch.equal(other(draw()[0], 100), net(draw()[0], 100))
    assert net.state_dict().keys() == {f"net.{name}" for name in net.net.state_dict()}
    again = network("v", seed=2)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(draw()[0], 100), net(draw()[0], 100))


@pytest.mark.parametrize("target", ["x0", "epsilon", "Noise", "", None])
def test_another_target_is_refused(target):
    with pytest.raises(ValueError, match="'sprite', 'noise', 'v'; got"):
        network(target)


def test_what_else_is_refused():
    x0, noise = draw()
    with pytest.raises(TypeError, match=r"use Denoiser.*UNet"):
        plain_loss(UNet(16), Batch(x0, LEVELS, noise), SCHED)
    with pytest.raises(ValueError, match=r"0\.\.500"):
        network("v")(x0, 501)
    with pytest.raises(ValueError, match=r"0\.\.500"):
        network("noise")(x0, -1)
    with pytest.raises(TypeError, match="whole numbers"):
        network("noise")(x0, LEVELS.float())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("target", TARGETS)
def test_cuda(target):
    sched = SCHED.to("cuda")
    net = Denoiser(UNet(16), sched, target).cuda()
    *_, last = Run(net, draw()[0].cuda(), sched, generator(), steps=2, loss=plain_loss)
    assert last.ema(draw()[0].cuda(), 500).isfinite().all()
