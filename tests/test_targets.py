"""The three targets: that they say the same, how their losses differ, and that training and sampling take each."""

import copy

import pytest
import torch

from helpers import sampler, schedule, training
from helpers.targets import TARGETS, Predicts, plain_loss
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
    return Predicts(UNet(16, generator=generator(seed)), SCHED, target)


def train(net, n=2, **options):
    options = {"steps": n, "batch": 8, "generator": generator(), "loss": plain_loss, **options}
    return list(training.train(net, draw()[0], SCHED, **options))


@pytest.mark.parametrize("target", TARGETS)
def test_a_perfect_answer_is_read_as_the_sprite(target):
    x0, noise = draw()
    xt = SCHED.add_noise(x0, LEVELS, noise)
    wanted = Predicts(answers(None), SCHED, target).wanted(x0, noise, LEVELS)
    net = Predicts(answers(wanted), SCHED, target)
    # From the noise, rounding at the last level is magnified as any error is: 1e-7 becomes 1e-3.
    tolerance = torch.where(LEVELS < 500, 1e-4, 1e-2 if target == "noise" else 1e-4).view(-1, 1, 1, 1)
    assert ((net(xt, LEVELS) - x0).abs() < tolerance).all()
    loss, error = plain_loss(net, x0, LEVELS, noise, SCHED)
    assert loss == 0 and error.shape == (6,) and (error < 1e-5).all()


@pytest.mark.parametrize("t", [1, 250, 500])
def test_a_level_may_be_one_number(t):
    x0, noise = draw()
    for target in TARGETS:
        net = network(target)
        assert torch.equal(net(x0, t), net(x0, torch.full((6,), t)))
        assert torch.equal(net.wanted(x0, noise, t), net.wanted(x0, noise, torch.full((6,), t)))


@pytest.mark.parametrize(("target", "more"), [("sprite", None), ("noise", 0), ("v", 1)])
def test_an_error_of_the_sprite_counts_snr_times_in_the_noise_and_once_more_in_v(target, more):
    x0, noise = draw()
    guess = x0 / 2
    for t in (50, 250, 400):
        xt = SCHED.add_noise(x0, t, noise)
        alpha_bar = SCHED.alpha_bar[t]
        implied = (xt - alpha_bar.sqrt() * guess) / (1 - alpha_bar).sqrt()  # the noise, if the sprite were the guess
        net = Predicts(answers(Predicts(answers(None), SCHED, target).wanted(guess, implied, t)), SCHED, target)
        assert torch.allclose(net(xt, t), guess, atol=1e-4)
        loss, error = plain_loss(net, x0, t, noise, SCHED)
        weight = 1 if more is None else SCHED.snr(t) + more
        assert loss.item() == pytest.approx((weight * error.mean()).item(), rel=1e-3)


def test_asked_for_the_sprite_the_network_is_left_as_it_is():
    x0, noise = draw()
    net = network("sprite")
    assert torch.equal(net(noise, 500), net.net(noise, 500))
    loss, error = plain_loss(net, x0, LEVELS, noise, SCHED)
    _, same = training.step_loss(net, x0, LEVELS, noise, SCHED)
    assert torch.equal(error, same) and loss.item() == pytest.approx(error.mean().item())


def test_wild_answers_stay_finite_and_still_teach():
    x0, noise = draw()
    xt = SCHED.add_noise(x0, 500, noise)
    for answer in (0 * noise, 1000 * noise):
        assert Predicts(answers(answer), SCHED, "noise")(xt, 500).abs().max() <= 1

    net = network("noise")
    plain_loss(net, x0, 500, noise, SCHED)[0].backward()  # all guesses are clamped here, and yet there is a gradient
    assert net(xt, 500).abs().min() > 0.99
    assert net.net.leave[-1].weight.grad.abs().max() > 0


@pytest.mark.parametrize("target", TARGETS)
def test_training_lowers_the_loss(target):
    states = train(network(target), n=60, lr=1e-2)
    first, last = (sum(state.loss for state in some) for some in (states[:10], states[-10:]))
    assert last < 0.8 * first
    assert states[-1].loss_by_level.nan_to_num(0).isfinite().all()
    assert isinstance(states[-1].ema, Predicts) and states[-1].ema.target == target


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


@pytest.mark.parametrize("target", TARGETS)
def test_training_goes_on_from_a_checkpoint(target, tmp_path):
    whole = train(network(target), n=4)[-1].net.state_dict()
    for state in training.train(
        network(target),
        draw()[0],
        SCHED,
        steps=4,
        batch=8,
        generator=generator(),
        loss=plain_loss,
        checkpoint=tmp_path / "run",
    ):
        if state.step == 2:
            break
    resumed = train(network(target, seed=3), n=4, checkpoint=tmp_path / "run")[-1].net.state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize("target", ["x0", "epsilon", "Noise", "", None])
def test_another_target_is_refused(target):
    with pytest.raises(ValueError, match="'sprite', 'noise', 'v'; got"):
        network(target)


def test_what_else_is_refused():
    x0, noise = draw()
    with pytest.raises(TypeError, match=r"wrap it, Predicts.*got UNet"):
        plain_loss(UNet(16), x0, LEVELS, noise, SCHED)
    with pytest.raises(ValueError, match="another noise schedule"):
        plain_loss(network("v"), x0, LEVELS, noise, schedule.linear())
    with pytest.raises(ValueError, match=r"0\.\.500"):
        network("v")(x0, 501)
    with pytest.raises(ValueError, match=r"0\.\.500"):
        network("noise")(x0, -1)
    with pytest.raises(TypeError, match="whole numbers"):
        network("noise")(x0, LEVELS.float())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("target", TARGETS)
def test_cuda(target):
    net = network(target).cuda()
    states = list(
        training.train(net, draw()[0].cuda(), SCHED.to("cuda"), steps=2, generator=generator(), loss=plain_loss)
    )
    assert net.alpha_bar.is_cuda and states[-1].ema(draw()[0].cuda(), 500).isfinite().all()
