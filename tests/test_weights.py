"""Weights in a file: that they come back as they were, and that no other file is taken for them."""

import os
import stat

import pytest
import safetensors.torch
import torch

from helpers import schedule, training
from helpers.storage import checkpoint, weights
from helpers.storage.checkpoint import CheckpointError
from helpers.unet import UNet


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def network(channels=16):
    return UNet(channels, generator=generator())


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.safetensors"
    weights.save(network(), path)
    return path


@pytest.mark.parametrize("channels", [16, 48, 64])
def test_round_trip(channels, tmp_path):
    net, path = network(channels), tmp_path / "new" / "folder" / "net.safetensors"
    weights.save(net, path)
    again = weights.load_pretrained(path)
    assert again.state_dict().keys() == net.state_dict().keys()
    for name, x in again.state_dict().items():
        assert x.dtype == torch.float32 and torch.equal(x, net.state_dict()[name].half().float())
    xt = torch.randn((4, 3, 16, 16), generator=generator(1))
    step_of_brightness = 2 / 255
    assert (again(xt, 300) - net(xt, 300)).abs().max() < step_of_brightness


def test_a_network_that_is_ready_for_use(saved):
    net = weights.load_pretrained(saved, device=torch.device("cpu"))
    assert not net.training and not any(p.requires_grad for p in net.parameters())
    assert net(torch.zeros(1, 3, 16, 16), 500).shape == (1, 3, 16, 16)


def test_saving_changes_nothing(tmp_path):
    net = network()
    weights.save(net, tmp_path / "net")
    assert net.training and all(p.requires_grad and p.dtype == torch.float32 for p in net.parameters())
    assert all(torch.equal(p, q) for p, q in zip(net.parameters(), network().parameters(), strict=True))


def test_saving_what_was_loaded_loses_nothing_more(saved, tmp_path):
    weights.save(weights.load_pretrained(saved), tmp_path / "again")
    (a, facts), (b, facts_again) = checkpoint.load(saved), checkpoint.load(tmp_path / "again")
    assert all(torch.equal(a[name], b[name]) for name in a | b) and facts == facts_again


def test_facts_are_kept(tmp_path):
    facts = {"steps": 1500, "lr": 3e-3, "who": "a learner in Köln"}
    weights.save(network(), tmp_path / "net", **facts)
    assert checkpoint.load(tmp_path / "net")[1]["facts"] == facts
    assert weights.load_pretrained(tmp_path / "net").enter.out_channels == 16  # they do not get in the way


def test_the_shipped_network():
    assert weights.SHIPPED.stat().st_size <= 5_000_000
    net = weights.load_pretrained()
    assert all(p.isfinite().all() for p in net.parameters())
    guess = net(torch.randn((8, 3, 16, 16), generator=generator()), 500)
    assert guess.abs().max() < 2 and guess.std() > 0.1  # an outline, where an untrained network knows nothing


def test_a_learners_own_is_kept_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INKDROP_CACHE", str(tmp_path / "cache"))
    assert weights.mine().parent == tmp_path / "cache" and weights.mine() != weights.SHIPPED
    weights.save(network(), weights.mine())
    assert weights.load_pretrained(weights.mine()).enter.out_channels == 16


# ---- what goes wrong ----


def flip(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


BAD = {
    "empty": (lambda c: b"", "truncated, damaged or not"),
    "half": (lambda c: c[: len(c) // 2], "truncated, damaged or not"),
    "one byte short": (lambda c: c[:-1], "truncated, damaged or not"),
    "one bit of a weight": (lambda c: flip(c, len(c) - 9), "checksum"),
    "weights of something else": (lambda c: safetensors.torch.save({"weight": torch.ones(3)}), "not a checkpoint"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_and_left_alone(kind, saved):
    spoil, says = BAD[kind]
    saved.write_bytes(bad := spoil(saved.read_bytes()))
    with pytest.raises(CheckpointError, match=f"net.safetensors: .*{says}"):
        weights.load_pretrained(saved)
    assert saved.read_bytes() == bad


def test_no_such_file(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere: no such file"):
        weights.load_pretrained(tmp_path / "nowhere")


def test_a_training_checkpoint_is_not_weights(tmp_path):
    images, path = torch.zeros(2, 3, 16, 16), tmp_path / "run"
    run = training.train(network(), images, schedule.cosine(), steps=1, batch=2, generator=generator(), checkpoint=path)
    *_, state = run
    with pytest.raises(
        CheckpointError, match=r"run: a checkpoint of a training run.*weights\.save\(state\.ema, path\)"
    ):
        weights.load_pretrained(path)
    weights.save(state.ema, path)  # as it says
    assert weights.load_pretrained(path) is not None


@pytest.mark.parametrize("channels", [24, 7, "many", 10**9, 10**30])
def test_weights_of_another_network(channels, saved):
    tensors, info = checkpoint.load(saved)
    checkpoint.save(saved, tensors, {**info, "channels": channels})
    with pytest.raises(CheckpointError, match=r"net.safetensors: .*another network"):
        weights.load_pretrained(saved)


@pytest.mark.parametrize("broken", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(broken, saved, fill_disk):
    before = saved.read_bytes()
    fill_disk(broken)
    with pytest.raises(CheckpointError, match=r"No space left.*Make room"):
        weights.save(UNet(24), saved)
    assert saved.read_bytes() == before and list(saved.parent.iterdir()) == [saved]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_that_may_not_be_written(saved):
    before = saved.read_bytes()
    saved.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(CheckpointError, match="cannot be written"):
            weights.save(UNet(24), saved)
    finally:
        saved.parent.chmod(stat.S_IRWXU)
    assert saved.read_bytes() == before


def test_a_place_that_cannot_be_written(saved):
    with pytest.raises(CheckpointError, match="cannot be written"):
        weights.save(network(), saved / "below a file")
    assert weights.load_pretrained(saved) is not None


def test_facts_that_no_header_can_hold(saved):
    before = saved.read_bytes()
    with pytest.raises(TypeError, match="JSON"):
        weights.save(UNet(24), saved, teacher=network())
    assert saved.read_bytes() == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_cuda(saved):
    assert next(weights.load_pretrained(saved, device="cuda").parameters()).is_cuda
