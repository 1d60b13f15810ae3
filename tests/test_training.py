"""Training: the step it takes, and that each is done wholly or not at all.

Networks are narrow and runs a few steps long; that the real one learns to draw sprites is measured elsewhere.
"""

import math
import signal
import threading

import numpy as np
import pytest
import torch

from helpers import schedule, training
from helpers.training import Batch, DivergedError, Run
from helpers.unet import UNet

SCHED = schedule.cosine()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def patterns(n=12, size=16):
    """Random pictures of 4x4 blocks."""
    small = torch.randint(0, 2, (n, 3, size // 4, size // 4), generator=generator(5)).float() * 2 - 1
    return small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)


def network(channels=16):
    return UNet(channels, generator=generator(1))


def weights(net):
    return {name: x.clone() for name, x in net.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def make(net=None, images=None, **options):
    """A run of six steps of four, if not told otherwise."""
    options = {"steps": 6, "batch_size": 4, "generator": generator(), **options}
    return Run(net or network(), patterns() if images is None else images, SCHED, **options)


def after(n=None, **options):
    """A run after n steps, or at its end."""
    run = make(**options)
    for state in run:
        if state.step == n:
            break
    return run


# ---- the step ----


def test_a_step_is_these_ten_lines():
    images, steps, lr, batch = patterns(), 4, 3e-3, 8
    run = after(steps=steps, batch_size=batch, lr=lr)

    net, g = network(), generator()
    optimiser = torch.optim.AdamW(net.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    for step in range(1, steps + 1):
        x0 = images[torch.randint(len(images), (batch,), generator=g)]
        part = torch.arange(batch) + torch.rand(batch, generator=g)
        t = (part * SCHED.T / batch).ceil().long().clamp(1, SCHED.T)
        noise = torch.randn(x0.shape, generator=g)
        guess = net(SCHED.add_noise(x0, t, noise), t)
        error = (guess - x0).square().mean(dim=(1, 2, 3))
        loss = (SCHED.snr(t).clamp(0.05, 5) * error).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.param_groups[0]["lr"] = training.learning_rate(step, steps, lr)
        optimiser.step()
    assert equal(weights(net), weights(run.net))
    assert run.state.loss == loss.item()


def test_states():
    run = make(steps=20)
    assert run.state.step == 0 and math.isnan(run.state.loss)
    states = list(run)
    assert [state.step for state in states] == list(range(1, 21)) and run.losses == [state.loss for state in states]
    last = states[-1]
    assert last.steps == 20 and last.net is run.net and all(map(math.isfinite, run.losses))
    assert not last.ema.training and not any(p.requires_grad for p in last.ema.parameters())
    assert not equal(weights(last.ema), weights(run.net))
    assert last.ema(patterns(), 100).shape == patterns().shape


def test_every_weight_is_trained():
    before, trained = weights(network()), weights(after(5).net)
    assert [name for name, x in trained.items() if torch.equal(x, before[name])] == []


def test_it_learns():
    images = patterns(4)
    run = after(images=images, steps=120, batch_size=16, lr=1e-2)
    assert sum(run.losses[-10:]) < sum(run.losses[:10]) / 2
    noise = torch.randn(images.shape, generator=generator(9))
    guess = run.ema(SCHED.add_noise(images, 100, noise), 100)
    assert (guess - images).square().mean() < 0.2  # 1 for a guess of nothing


@pytest.mark.parametrize(("n", "size", "batch_size"), [(1, 16, 4), (3, 16, 64), (5, 32, 2), (40, 16, 1)])
def test_any_number_and_size_of_images(n, size, batch_size):
    assert math.isfinite(after(images=patterns(n, size), steps=2, batch_size=batch_size).state.loss)


def test_the_generator_alone_decides():
    torch.manual_seed(0)
    first = after()
    torch.manual_seed(1)
    second, other = after(), after(generator=generator(7))
    assert equal(weights(first.net), weights(second.net)) and not equal(weights(first.net), weights(other.net))


def test_levels_are_drawn_evenly_and_level_0_never():
    batch = training.batch(patterns(), SCHED, 20_000, generator())
    assert batch.t.min() == 1 and batch.t.max() == SCHED.T  # the last level too
    assert batch.t.float().mean() == pytest.approx(250.5, abs=4)
    assert batch.x0.shape == batch.noise.shape == (20_000, 3, 16, 16) and batch.context is None
    assert batch.noise.std() == pytest.approx(1, abs=0.01)


def test_loss_is_weighted_by_the_level():
    batch, net = training.batch(patterns(), SCHED, 6, generator()), network()
    batch.t[:2] = torch.tensor([1, 500])
    error = (net(SCHED.add_noise(batch.x0, batch.t, batch.noise), batch.t) - batch.x0).square().mean(dim=(1, 2, 3))
    snr = SCHED.alpha_bar[batch.t] / (1 - SCHED.alpha_bar[batch.t])
    expected = (snr.clamp(0.05, 5) * error).mean().item()
    assert training.step_loss(net, batch, SCHED).item() == pytest.approx(expected)


def test_another_loss_is_told_the_context():
    seen = []

    def loss(net, batch, sched):
        seen.append(batch)
        return (net(sched.add_noise(batch.x0, batch.t, batch.noise), batch.t) - batch.x0).square().mean()

    assert not equal(weights(after(loss=loss).net), weights(after().net))
    assert all(isinstance(batch, Batch) and len(batch.x0) == 4 for batch in seen)


def test_learning_rate_rises_then_falls_both_in_a_straight_line():
    rates = np.array([training.learning_rate(step, 1750, 1.0) for step in range(1, 1751)])
    assert rates[0] == pytest.approx(0.01) and rates.argmax() == 99 and rates[99] == 1
    assert np.allclose(np.diff(rates[:100]), 1 / 100) and np.allclose(np.diff(rates[99:]), -1 / 1651)
    assert rates[-1] == pytest.approx(1 / 1651)  # the last step still does something
    assert training.learning_rate(1, 1, 1.0) == 1  # a run of one step


def test_ema_is_the_running_mean():
    net, ema = network(), network()
    with torch.no_grad():
        for p, q in zip(net.parameters(), ema.parameters(), strict=True):
            p.fill_(1.0)
            q.fill_(0.0)
    training.update_ema(ema, net, 0.9)
    training.update_ema(ema, net, 0.9)
    assert all(torch.allclose(q, torch.tensor(0.19)) for q in ema.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_cuda_takes_the_same_path():
    run = Run(network().cuda(), patterns().cuda(), SCHED.to("cuda"), generator(), steps=4, batch_size=8)
    assert next(iter(run)).loss == pytest.approx(after(1, steps=4, batch_size=8).state.loss, rel=0.05)  # bfloat16
    assert all(p.dtype == torch.float32 and p.is_cuda for p in run.net.parameters())


# ---- stopping and going on ----


def test_a_loop_goes_on_where_the_last_one_stopped():
    run = after(2)
    assert [state.step for state in run] == [3, 4, 5, 6] and list(run) == []
    assert equal(weights(run.net), weights(after().net)) and run.losses == after().losses


def test_two_loops_over_one_run_share_its_steps():
    run = make()
    steps = [state.step for one, other in zip(run, run, strict=True) for state in (one, other)]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert equal(weights(run.net), weights(after().net)) and equal(weights(run.ema), weights(after().ema))


@pytest.mark.parametrize("where", ["forward", "update"])
def test_the_stop_button_leaves_whole_steps(where, monkeypatch, request):
    """A real signal, in the middle of the third step: it is done to its end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    calls = []

    def interrupt():
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)

    class Net(UNet):
        def forward(self, xt, t):
            if where == "forward":
                interrupt()
            return super().forward(xt, t)

    if where == "update":
        update = training.update_ema
        monkeypatch.setattr(training, "update_ema", lambda *args: (interrupt(), update(*args)))
    run = make(Net(16, generator=generator(1)))
    with pytest.raises(KeyboardInterrupt):
        list(run)
    assert run.state.step == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    list(run)
    assert equal(weights(run.net), weights(after().net)) and equal(weights(run.ema), weights(after().ema))


def test_training_in_a_thread():
    result = []
    thread = threading.Thread(target=lambda: result.append(after(2).state.step))
    thread.start()
    thread.join()
    assert result == [2]


# ---- what goes wrong ----


def test_a_loss_that_is_no_number_stops_training():
    count = iter(range(1, 1000))

    def loss(*args):
        return training.step_loss(*args) * (math.nan if next(count) >= 4 else 1)

    run = make(loss=loss)
    with pytest.raises(DivergedError, match=r"at step 4 the loss became nan.*lower lr"):
        list(run)
    assert run.state.step == 3 and equal(weights(run.net), weights(after(3).net))  # those before the bad step


def test_a_gradient_that_is_no_number_stops_training():
    def loss(net, *args):
        return training.step_loss(net, *args) + (next(net.parameters()).sum() * 0).sqrt()  # 0: the slope is infinite

    run = make(loss=loss)
    with pytest.raises(DivergedError, match="its gradient nan"):
        list(run)
    assert equal(weights(run.net), weights(network()))


X = patterns()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"images": (X.clamp(min=0) * 255).byte()}, TypeError, "sprites.to_tensor"),
        ({"images": X * 127.5 + 127.5}, ValueError, "0..255"),
        ({"images": X * 1.5}, ValueError, r"\[-1, 1\]"),
        ({"images": X * math.nan}, ValueError, "NaN"),
        ({"images": X[0]}, ValueError, r"image\[None\]"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"steps": 2.0}, TypeError, "steps must be a whole number"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
    ],
)
def test_bad_input_is_refused_before_the_first_step(change, error, says):
    with pytest.raises(error, match=says):
        make(**change)
