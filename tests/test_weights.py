"""Weights in a file: that they come back as they were, and that no other file is taken for them."""

import pytest
import torch

from helpers.storage import files, weights
from helpers.storage.files import FileError
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
    (a, info), (b, info_again) = files.load_tensors(saved), files.load_tensors(tmp_path / "again")
    assert all(torch.equal(a[name], b[name]) for name in a | b) and info == info_again


def test_facts_are_kept(tmp_path):
    facts = {"steps": 1500, "lr": 3e-3, "who": "a learner in Köln"}
    weights.save(network(), tmp_path / "net", **facts)
    assert weights.facts(tmp_path / "net") == facts
    assert weights.load_pretrained(tmp_path / "net").enter.out_channels == 16  # they do not get in the way


def test_the_shipped_network():
    assert weights.SHIPPED.stat().st_size <= 5_000_000
    net = weights.load_pretrained()
    assert all(p.isfinite().all() for p in net.parameters())
    guess = net(torch.randn((8, 3, 16, 16), generator=generator()), 500)
    assert guess.abs().max() < 2 and guess.std() > 0.1  # an outline, where an untrained network knows nothing


def test_a_learners_own_is_kept_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INKDROP_CACHE", str(tmp_path / "cache"))
    assert weights.own_path().parent == tmp_path / "cache" and weights.own_path() != weights.SHIPPED
    weights.save(network(), weights.own_path())
    assert weights.load_pretrained(weights.own_path()).enter.out_channels == 16


def test_a_network_in_a_wrapping_is_saved_as_itself(tmp_path):
    net = network()
    for number, wrapped in enumerate((torch.compile(net), torch.nn.DataParallel(net))):
        weights.save(wrapped, tmp_path / f"{number}")
        again = weights.load_pretrained(tmp_path / f"{number}")
        assert torch.equal(again.enter.weight, net.enter.weight.half().float())


# ---- what goes wrong ----


def test_weights_that_are_no_numbers_are_not_saved(saved):
    before, net = saved.read_bytes(), network()
    net.enter.weight.data[0] = torch.nan
    with pytest.raises(FileError, match=r"NaN or infinite.*lower lr"):
        weights.save(net, saved)
    assert saved.read_bytes() == before


@pytest.mark.parametrize("arguments", [{"channels": 24}, {"channels": 7}, {"channels": 10**30}, {"depth": 3}, None])
def test_weights_of_another_network(arguments, saved):
    tensors, info = files.load_tensors(saved)
    files.save_tensors(saved, tensors, {**info, "arguments": arguments})
    with pytest.raises(FileError, match=r"net.safetensors: not the weights of a network as unet.py builds it"):
        weights.load_pretrained(saved)


def test_a_file_of_something_else(saved):
    files.save_tensors(saved, {"generator": torch.zeros(3)}, {"losses": []})
    with pytest.raises(FileError, match="not the weights"):
        weights.load_pretrained(saved)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_cuda(saved):
    assert next(weights.load_pretrained(saved, device="cuda").parameters()).is_cuda
