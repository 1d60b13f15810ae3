"""Training: the step it takes, that nothing is lost, and what is shown meanwhile.

Networks are narrow and runs a few steps long; that the real one learns to draw sprites is measured elsewhere.
"""

import copy
import json
import math
import os
import pickle
import signal
import sys
import threading

import numpy as np
import pytest
import safetensors.torch
import torch

from helpers import schedule, training
from helpers.lesson import progress
from helpers.storage import checkpoint
from helpers.storage.checkpoint import CheckpointError
from helpers.training import DivergedError, train
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


def run(net=None, images=None, n=None, **options):
    """Train for n steps, or to the end. Returns (net, last state)."""
    net = net or network()
    options = {"steps": 6, "batch": 4, "generator": generator(), **options}
    state = None
    for state in train(net, patterns() if images is None else images, SCHED, **options):
        if state.step == n:
            break
    return net, state


# ---- the step ----


def test_a_step_is_these_ten_lines():
    images, steps, lr, batch = patterns(), 4, 3e-3, 8
    theirs, last = run(steps=steps, batch=batch, lr=lr)

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
    assert equal(weights(net), weights(theirs))
    assert last.loss == loss.item()


def test_states():
    net, images = network(), patterns()
    states = list(train(net, images, SCHED, steps=20, batch=16, generator=generator()))
    assert [state.step for state in states] == list(range(1, 21))
    last = states[-1]
    assert last.steps == 20 and last.net is net and last.loss_by_level.shape == (training.BANDS,)
    assert all(math.isfinite(state.loss) and 0 < state.lr <= 3e-3 for state in states)
    assert last.loss_by_level.isfinite().all()
    assert not last.ema.training and not any(p.requires_grad for p in last.ema.parameters())
    assert not equal(weights(last.ema), weights(net))
    assert last.ema(images, 100).shape == images.shape


def test_every_weight_is_trained():
    net = network()
    before = weights(net)
    run(net, steps=5)
    assert [name for name, x in net.state_dict().items() if torch.equal(x, before[name])] == []


def test_it_learns():
    net, images = network(), patterns(4)
    states = list(train(net, images, SCHED, steps=120, batch=16, lr=1e-2, generator=generator()))
    first, last = (sum(state.loss for state in some) for some in (states[:10], states[-10:]))
    assert last < first / 2
    low, high = states[-1].loss_by_level[0], states[-1].loss_by_level[-1]
    assert low < high  # a little noise is easier to remove than a lot
    noise = torch.randn(images.shape, generator=generator(9))
    guess = states[-1].ema(SCHED.add_noise(images, 100, noise), 100)
    assert (guess - images).square().mean() < 0.2  # 1 for a guess of nothing


@pytest.mark.parametrize(("n", "size", "batch"), [(1, 16, 4), (3, 16, 64), (5, 32, 2), (40, 16, 1)])
def test_any_number_and_size_of_images(n, size, batch):
    _, state = run(images=patterns(n, size), steps=2, batch=batch)
    assert state.step == 2 and math.isfinite(state.loss)


def test_the_generator_alone_decides():
    torch.manual_seed(0)
    first, _ = run()
    torch.manual_seed(1)
    second, _ = run()
    other, _ = run(generator=generator(7))
    assert equal(weights(first), weights(second)) and not equal(weights(first), weights(other))


def test_levels_are_drawn_evenly_and_level_0_never():
    x0, t, noise = training.draw(patterns(), SCHED, 20_000, generator())
    assert t.min() == 1 and t.max() == SCHED.T  # the last level too
    assert t.float().mean() == pytest.approx(250.5, abs=4)
    assert x0.shape == noise.shape == (20_000, 3, 16, 16) and noise.std() == pytest.approx(1, abs=0.01)


def test_loss_is_weighted_by_the_level():
    x0, t, noise = training.draw(patterns(), SCHED, 6, generator())
    t[:2] = torch.tensor([1, 500])
    loss, error = training.step_loss(network(), x0, t, noise, SCHED)
    assert error.shape == (6,)
    snr = SCHED.alpha_bar[t] / (1 - SCHED.alpha_bar[t])
    assert loss.item() == pytest.approx((snr.clamp(0.05, 5) * error).mean().item())


def test_another_loss():
    def plain(net, x0, t, noise, sched):
        error = (net(sched.add_noise(x0, t, noise), t) - x0).square().mean(dim=(1, 2, 3))
        return error.mean(), error

    assert not equal(weights(run(loss=plain)[0]), weights(run()[0]))


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
def test_cuda_takes_the_same_path(tmp_path):
    net = network().cuda()
    options = {"steps": 4, "batch": 8, "generator": generator(), "checkpoint": tmp_path / "run"}
    states = list(train(net, patterns().cuda(), SCHED.to("cuda"), **options))
    assert states[0].loss == pytest.approx(run(n=1, steps=4, batch=8)[1].loss, rel=0.05)  # bfloat16 rounds
    assert all(p.dtype == torch.float32 and p.is_cuda for p in net.parameters())
    again = next(train(network().cuda(), patterns().cuda(), SCHED.to("cuda"), **options))
    assert again.step == 4 and equal(weights(again.net), weights(net))


# ---- stopping and going on ----


@pytest.mark.parametrize("stopped_at", [1, 3, 6])
def test_going_on_gives_bit_for_bit_the_same(stopped_at, tmp_path):
    whole, state = run()
    run(n=stopped_at, checkpoint=tmp_path / "run")
    net, g = UNet(16, generator=generator(8)), generator(9)  # whatever they were, the checkpoint knows better
    resumed, states = net, []
    for state2 in train(net, patterns(), SCHED, steps=6, batch=4, generator=g, checkpoint=tmp_path / "run"):
        states.append(state2.step)
    assert states == list(range(stopped_at, 7))
    assert equal(weights(whole), weights(resumed)) and equal(weights(state.ema), weights(state2.ema))
    assert (state.loss, state.lr) == (state2.loss, state2.lr)
    assert torch.equal(state.loss_by_level.nan_to_num(9), state2.loss_by_level.nan_to_num(9))


def test_stopping_twice_and_the_generator_that_is_left(tmp_path):
    g, h = generator(), generator()
    whole, _ = run(generator=g)
    for n in (2, 4, None):
        net, _ = run(n=n, generator=h, checkpoint=tmp_path / "run")
    assert equal(weights(whole), weights(net)) and torch.equal(g.get_state(), h.get_state())


def test_the_loop_may_draw_from_the_same_generator(tmp_path):
    def loop(path, stop_at=None):
        net, g = network(), generator()
        for state in train(net, patterns(), SCHED, steps=6, batch=4, generator=g, checkpoint=path, save_every=2):
            if state.step == stop_at:
                break
            torch.rand(1, generator=g)
        return weights(net)

    whole = loop(tmp_path / "whole")
    loop(tmp_path / "parts", stop_at=3)
    assert equal(whole, loop(tmp_path / "parts"))


def test_a_finished_run_says_where_it_stands(tmp_path):
    net, _ = run(checkpoint=tmp_path / "run")
    before = (tmp_path / "run").read_bytes()
    again, state = run(checkpoint=tmp_path / "run")
    assert state.step == 6 and equal(weights(net), weights(again)) and state.ema is not None
    assert (tmp_path / "run").read_bytes() == before


def test_closing_the_loop_keeps_what_was_learned():
    net = network()
    before = weights(net)
    states = train(net, patterns(), SCHED, steps=6, batch=4, generator=generator())
    state = next(states)
    next(states)
    states.close()
    assert not equal(weights(net), before) and not equal(weights(state.ema), before)
    assert equal(weights(net), weights(run(n=2)[0]))


@pytest.mark.parametrize("where", ["forward", "update", "save"])
def test_the_stop_button_leaves_whole_steps(where, tmp_path, monkeypatch, request):
    """A real signal, in the middle of the third step or of writing the checkpoint."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    calls = []

    def interrupt():
        calls.append(1)
        if len(calls) == (3 if where != "save" else 2):
            signal.raise_signal(signal.SIGINT)

    class Net(UNet):
        def forward(self, xt, t):
            if where == "forward":
                interrupt()
            return super().forward(xt, t)

    def and_interrupt(function):
        return lambda *args: (interrupt(), function(*args))[1]

    if where == "update":
        monkeypatch.setattr(training, "update_ema", and_interrupt(training.update_ema))
    if where == "save":
        monkeypatch.setattr(os, "fsync", and_interrupt(os.fsync))
    net = Net(16, generator=generator(1))
    with pytest.raises(KeyboardInterrupt):
        run(net, checkpoint=tmp_path / "run", save_every=2)
    done = {"forward": 2, "update": 3, "save": 2}[where]
    assert equal(weights(net), weights(run(n=done)[0]))

    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumed, _ = run(checkpoint=tmp_path / "run", save_every=2)
    assert equal(weights(resumed), weights(run()[0]))
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_training_in_a_thread():
    result = []
    thread = threading.Thread(target=lambda: result.append(run(n=2)[1].step))
    thread.start()
    thread.join()
    assert result == [2]


def test_saved_every_so_often(tmp_path):
    def saved():
        return checkpoint.load(tmp_path / "run")[1]["step"]

    options = {"steps": 5, "generator": generator(), "checkpoint": tmp_path / "run", "save_every": 2}
    steps = [(state.step, saved()) for state in train(network(), patterns(), SCHED, **options)]
    assert steps == [(1, 0), (2, 0), (3, 2), (4, 2), (5, 4)] and saved() == 5


# ---- what goes wrong ----


def spoilt_at(step):
    """A loss that is NaN from this step on."""
    count = iter(range(1, 1000))

    def loss(*args):
        value, error = training.step_loss(*args)
        return (value * math.nan if next(count) >= step else value), error

    return loss


def test_a_loss_that_is_no_number_stops_training(tmp_path):
    net, path = network(), tmp_path / "run"
    with pytest.raises(DivergedError, match=r"nan at step 4.*lower lr"):
        run(net, loss=spoilt_at(4), checkpoint=path, save_every=2)
    assert equal(weights(net), weights(run(n=3)[0]))  # the weights before the bad step
    tensors, info = checkpoint.load(path)
    assert info["step"] == 2 and all(x.isfinite().all() for x in tensors.values() if x.is_floating_point())


def test_a_gradient_that_is_no_number_stops_training():
    def loss(net, *args):
        value, error = training.step_loss(net, *args)
        return value + (next(net.parameters()).sum() * 0).sqrt(), error  # the root of 0: slope infinite

    net = network()
    with pytest.raises(DivergedError, match="its gradient nan"):
        run(net, loss=loss)
    assert equal(weights(net), weights(network()))


def test_weights_that_are_no_numbers_are_never_saved(tmp_path):
    with pytest.raises(DivergedError, match="lower lr"):
        run(lr=1e38, steps=3, save_every=1, checkpoint=tmp_path / "run")
    tensors, _ = checkpoint.load(tmp_path / "run")
    assert all(x.isfinite().all() for x in tensors.values() if x.is_floating_point())


@pytest.mark.parametrize("broken", ["write", "fsync", "replace"])
def test_a_full_disk(broken, tmp_path, fill_disk):
    path = tmp_path / "run"
    run(n=2, checkpoint=path)
    before = path.read_bytes()
    fill_disk(broken)
    net = network()
    with pytest.raises(CheckpointError, match=r"No space left.*still in memory.*Make room"):
        run(net, checkpoint=path, save_every=2)
    assert equal(weights(net), weights(run(n=4)[0]))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_known_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        train(network(), patterns(), SCHED, generator=generator(), checkpoint=tmp_path / "file" / "run")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "run"
    run(n=2, checkpoint=path)
    return path.read_bytes()


def with_header(content, **changes):
    """The checkpoint with other entries in its header."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"].update(changes)
    header = json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def flip(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


BAD = {
    "empty": (lambda c: b"", "truncated, damaged or not"),
    "half": (lambda c: c[: len(c) // 2], "truncated, damaged or not"),
    "one byte short": (lambda c: c[:-1], "truncated, damaged or not"),
    "header only": (lambda c: c[:100], "truncated, damaged or not"),
    "a weight damaged": (lambda c: flip(c, len(c) - 9), "checksum"),
    "the step damaged": (lambda c: with_header(c, info='{"step": 5}'), "checksum"),
    "no checksum": (lambda c: with_header(c, sha256=""), "checksum"),
    "text": (lambda c: b"These are not weights.", "truncated, damaged or not"),
    "pickle": (lambda c: pickle.dumps({"net": 1}), "truncated, damaged or not"),
    "weights of something else": (
        lambda c: safetensors.torch.save({"weight": torch.ones(3)}),
        "not a checkpoint of a training run",
    ),
    "older": (lambda c: with_header(c, version="0"), "format 0, but this version of Inkdrop reads 1"),
    "newer": (lambda c: with_header(c, version="2"), "format 2, but this version of Inkdrop reads 1"),
    "facts that are none": (lambda c: with_header(c, info="{"), "truncated, damaged or not"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_checkpoints_are_refused_and_left_alone(kind, good, tmp_path):
    spoil, says = BAD[kind]
    path, net, g = tmp_path / "run", network(), generator()
    path.write_bytes(bad := spoil(good))
    with pytest.raises(CheckpointError, match=f"(?s)run: .*{says}.*afresh"):
        run(net, generator=g, checkpoint=path)
    assert path.read_bytes() == bad
    assert equal(weights(net), weights(network())) and torch.equal(g.get_state(), generator().get_state())


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    torch.save({"net": Trap()}, tmp_path / "run")
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path / "run")


def test_no_such_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        checkpoint.load(tmp_path / "run")
    with pytest.raises(CheckpointError, match="not a plain one"):
        checkpoint.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run")
    with pytest.raises(CheckpointError, match="not a plain one"):
        run(checkpoint=tmp_path / "run")


@pytest.mark.parametrize("spoil", [lambda info: info.pop("step"), lambda info: info.update(step="2", settings=None)])
def test_a_checkpoint_that_does_not_say_where_it_stands(spoil, good, tmp_path):
    path, net = tmp_path / "run", network()
    path.write_bytes(good)
    tensors, info = checkpoint.load(path)
    spoil(info)
    checkpoint.save(path, tensors, info)
    with pytest.raises(CheckpointError, match=r"run: does not say where its run stands.*afresh"):
        run(net, checkpoint=path)
    assert equal(weights(net), weights(network()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"net": UNet(24)}, r"another network .*: net.level.0.weight is \(32, 64\) there and \(48, 64\) here"),
        ({"net": torch.nn.Conv2d(3, 3, 1)}, "another network .*missing"),
        ({"steps": 7}, "steps was 6 and is 7"),
        ({"batch": 5}, "batch was 4 and is 5"),
        ({"lr": 1e-4}, "lr was 0.003 and is 0.0001"),
        ({"loss": lambda *args: training.step_loss(*args)}, "loss was step_loss"),
        ({"images": patterns(11)}, "fingerprint of images was"),
    ],
)
def test_a_checkpoint_of_another_run(change, says, good, tmp_path):
    path = tmp_path / "run"
    path.write_bytes(good)
    with pytest.raises(CheckpointError, match=f"{says}.*afresh"):
        run(**change, checkpoint=path)
    assert path.read_bytes() == good


def test_what_is_saved_is_what_is_loaded(tmp_path):
    tensors = {"a": torch.randn(2, 3, generator=generator()).T, "b": torch.tensor(3), "c": torch.zeros(0)}
    tensors["d"] = torch.ones(3, dtype=torch.bfloat16)  # which NumPy does not have
    checkpoint.save(tmp_path / "new" / "folder" / "run", tensors, {"step": 3, "why": "ä"})
    loaded, info = checkpoint.load(tmp_path / "new" / "folder" / "run")
    assert equal(loaded, tensors) and info == {"step": 3, "why": "ä"}


def test_what_was_loaded_does_not_change_with_the_file(tmp_path):
    checkpoint.save(tmp_path / "run", {"a": torch.ones(9)}, {})
    tensors, _ = checkpoint.load(tmp_path / "run")
    size = (tmp_path / "run").stat().st_size
    with open(tmp_path / "run", "r+b") as file:  # the file itself, not another in its place
        file.write(bytes(size))
    assert torch.equal(tensors["a"], torch.ones(9))


X = patterns()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"images": (X.clamp(min=0) * 255).byte()}, TypeError, "sprites.to_tensor"),
        ({"images": X.numpy()}, TypeError, "sprites.to_tensor"),
        ({"images": X * 127.5 + 127.5}, ValueError, "0..255"),
        ({"images": X * 1.5}, ValueError, r"\[-1, 1\]"),
        ({"images": X * math.nan}, ValueError, "NaN"),
        ({"images": X[:0]}, ValueError, "at least one"),
        ({"images": X[0]}, ValueError, r"image\[None\]"),
        ({"images": X.to("meta")}, ValueError, "different devices"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"steps": 2.0}, TypeError, "steps must be an int"),
        ({"batch": 0}, ValueError, "batch must be at least 1"),
        ({"save_every": 0}, ValueError, "save_every must be at least 1"),
        ({"lr": 0}, ValueError, "lr must be a positive"),
        ({"lr": math.nan}, ValueError, "lr must be a positive"),
        ({"generator": 0}, TypeError, r"torch.Generator\(\).manual_seed"),
        ({"generator": None}, TypeError, "torch.Generator"),
    ],
)
def test_bad_input_is_refused_at_once_with_advice(change, error, says):
    options = {"images": X, "generator": generator(), **change}
    with pytest.raises(error, match=says):
        train(network(), options.pop("images"), SCHED, **options)  # before the first step is asked for


# ---- progress ----


@pytest.fixture
def screen(monkeypatch):
    """What is displayed, as a list of (kind, HTML)."""
    import IPython.display

    shown = []

    class Handle:
        def update(self, html):
            shown.append(("update", html.data))

    def display(html, display_id):
        shown.append(("display", html.data))
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def states(n=4, **options):
    return train(network(), X, SCHED, steps=n, batch=4, generator=generator(), **options)


@pytest.mark.parametrize("t", [300, torch.tensor([10, 200, 500])])
def test_progress_shows_a_bar_and_a_picture(t, screen, capsys):
    noise = torch.randn(3, 3, 16, 16, generator=generator())
    seen = [state.step for state in progress.watch(states(), X[:3], t, noise, SCHED, every=2, quiet=False)]
    assert seen == [1, 2, 3, 4]
    err = capsys.readouterr().err
    assert "4/4" in err and "loss=" in err
    assert [kind for kind, _ in screen] == ["display", "update", "update"]  # steps 1, 2 and 4
    assert "Step 4: the same noisy sprites" in screen[-1][1] and 'alt="Noisy sprites above' in screen[-1][1]


def test_progress_changes_nothing(screen):
    plain = list(states())[-1]
    noise = torch.randn(3, 3, 16, 16, generator=generator(3))
    shown = list(progress.watch(states(), X[:3], 300, noise, SCHED, quiet=False))[-1]
    assert equal(weights(plain.net), weights(shown.net))


def test_progress_without_pictures(screen, capsys):
    assert len(list(progress.watch(states(), quiet=False))) == 4
    assert screen == [] and "4/4" in capsys.readouterr().err


def test_progress_goes_on_where_training_does(tmp_path, screen, capsys):
    for _ in zip(range(2), progress.watch(states(checkpoint=tmp_path / "run"), quiet=False), strict=False):
        pass
    capsys.readouterr()
    assert [state.step for state in progress.watch(states(checkpoint=tmp_path / "run"), quiet=False)][-1] == 4
    assert "4/4" in capsys.readouterr().err


@pytest.mark.parametrize("quiet", [True, False])
def test_stopping_the_progress_stops_training(quiet, tmp_path, capsys):
    for state in progress.watch(states(checkpoint=tmp_path / "run"), quiet=quiet):
        if state.step == 3:
            break
    assert checkpoint.load(tmp_path / "run")[1]["step"] == 3


def test_quiet_where_nobody_watches(screen, capsys):
    assert len(list(progress.watch(states(), X[:3], 300, X[:3], SCHED))) == 4  # a test is such a place
    assert screen == [] and capsys.readouterr() == ("", "")


def test_who_is_watching(monkeypatch):
    class Shell:
        user_ns = {}  # noqa: RUF012

    import IPython

    for name in ("INKDROP_QUIET", "PYTEST_VERSION", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert not progress.is_watched()  # a script
    monkeypatch.setitem(sys.modules, "ipykernel", copy)
    monkeypatch.setattr(IPython, "get_ipython", Shell)
    assert not progress.is_watched()  # nbclient
    monkeypatch.setenv("JPY_SESSION_NAME", "02_training.ipynb")
    assert progress.is_watched()  # JupyterLab
    monkeypatch.setenv("PYTEST_VERSION", "9")
    assert not progress.is_watched()
    monkeypatch.setenv("INKDROP_QUIET", "0")
    assert progress.is_watched()
    monkeypatch.setenv("INKDROP_QUIET", "1")
    assert not progress.is_watched()
    monkeypatch.delenv("INKDROP_QUIET")
    monkeypatch.delenv("PYTEST_VERSION")
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setitem(sys.modules, "google.colab", copy)
    assert progress.is_watched()  # Colab
