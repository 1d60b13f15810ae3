"""The network: shapes, that all of it is trained, and that it keeps the items of a batch apart."""

import numpy as np
import pytest
import torch

from helpers.unet import Attention, UNet, embed_level


@pytest.fixture
def g():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def net(g):
    """A narrow network that has taken a few steps, so that the layers which start at zero say something."""
    net = UNet(16, generator=g)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(3):
        optimiser.zero_grad()
        net(torch.randn(4, 3, 16, 16, generator=g), torch.tensor([1, 50, 250, 500])).square().mean().backward()
        optimiser.step()
    return net.eval()


def n_parameters(net):
    return sum(p.numel() for p in net.parameters())


def test_size():
    assert n_parameters(UNet()) <= 1_500_000
    assert n_parameters(UNet(48)) < 0.6 * n_parameters(UNet())


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("size", [(16, 16), (32, 32), (4, 4), (8, 20)])
def test_any_number_of_images_of_any_size(net, n, size, g):
    xt = torch.randn(n, 3, *size, generator=g)
    for t in (250, torch.full((n,), 250)):
        guess = net(xt, t)
        assert guess.shape == xt.shape and guess.dtype == torch.float32 and guess.isfinite().all()


def test_every_kind_of_whole_number_is_a_level(net, g):
    xt = torch.randn(2, 3, 16, 16, generator=g)
    for t in (7, np.int64(7), torch.tensor(7), torch.tensor([7, 7]), torch.tensor([7, 7], dtype=torch.int32)):
        assert torch.equal(net(xt, t), net(xt, 7))


def test_state_dict_holds_trained_parameters_alone():
    net = UNet(16)
    assert net.state_dict().keys() == dict(net.named_parameters()).keys()
    assert all(p.requires_grad for p in net.parameters())


def test_every_parameter_gets_a_gradient(net, g):
    """A layer made inside forward, or never used, would have none."""
    net.zero_grad()
    t = torch.randint(1, 501, (8,), generator=g)
    x0 = torch.rand(8, 3, 16, 16, generator=g)
    (net(torch.randn(8, 3, 16, 16, generator=g), t) - x0).square().mean().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or p.grad.abs().max() < 1e-8] == []


def test_same_input_same_output(net, g):
    xt = torch.randn(3, 3, 16, 16, generator=g)
    assert torch.equal(net(xt, 100), net(xt, 100))


def test_items_of_a_batch_do_not_see_each_other(net, g):
    xt, t = torch.randn(4, 3, 16, 16, generator=g), torch.tensor([1, 100, 300, 500])
    together = net(xt, t)
    for i in range(4):
        assert torch.allclose(net(xt[i : i + 1], int(t[i])), together[i : i + 1], atol=1e-5)
    changed = xt.clone()
    changed[1:] = 9
    assert torch.allclose(net(changed, t)[0], together[0], atol=1e-5)


def test_the_level_matters(net, g):
    xt = torch.randn(1, 3, 16, 16, generator=g)
    assert (net(xt, 10) - net(xt, 400)).abs().max() > 1e-3


def test_levels_can_be_told_apart():
    e = embed_level(torch.arange(501))
    assert e.shape == (501, 64) and e.abs().max() <= 1
    assert torch.cdist(e, e).fill_diagonal_(9).min() > 0.1


def test_every_place_sees_every_other(g):
    attention = Attention(16)
    x = torch.randn(1, 16, 4, 4, generator=g, requires_grad=True)
    attention(x)[0, :, 0, 0].sum().backward()
    assert (x.grad.abs().sum(dim=1) > 0).all()


def test_first_weights_come_from_the_generator():
    def weights(seed):
        return torch.cat([p.flatten() for p in UNet(16, torch.Generator().manual_seed(seed)).parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))
    assert weights(0).isfinite().all()


def test_the_device_is_the_one_of_the_weights():
    net = UNet(16).to("meta")
    assert net(torch.zeros(2, 3, 16, 16, device="meta"), 3).device.type == "meta"


def test_bfloat16_is_close(net, g):
    """What a GPU computes in, on the CPU."""
    xt, t = torch.randn(4, 3, 16, 16, generator=g), torch.tensor([1, 100, 300, 500])
    with torch.autocast("cpu", torch.bfloat16):
        guess = net(xt, t)
    assert guess.dtype == torch.bfloat16 and (guess - net(xt, t)).abs().max() < 0.1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_cuda_agrees_with_cpu(net, g):
    xt, t = torch.randn(4, 3, 16, 16, generator=g), torch.tensor([1, 100, 300, 500])
    expected = net(xt, t)
    assert torch.allclose(net.cuda()(xt.cuda(), t).cpu(), expected, atol=2e-2)  # a GPU rounds more coarsely (TF32)


X = torch.zeros(2, 3, 16, 16)


@pytest.mark.parametrize(
    ("xt", "t", "error", "says"),
    [
        (X[0], 3, ValueError, r"image\[None\]"),
        (X[:, :1], 3, ValueError, r"\(N, 3, H, W\)"),
        (torch.zeros(2, 3, 18, 16), 3, ValueError, "multiples of 4"),
        (X, 3.0, TypeError, "whole numbers"),
        (X, torch.tensor([1.0, 2.0]), TypeError, r"t\.long\(\)"),
        (X, torch.tensor([1, 2, 3]), RuntimeError, "size"),
    ],
)
def test_bad_input_is_refused_with_advice(net, xt, t, error, says):
    with pytest.raises(error, match=says):
        net(xt, t)


@pytest.mark.parametrize("channels", [0, 8, 50])
def test_bad_width(channels):
    with pytest.raises(ValueError, match="multiple of 8"):
        UNet(channels)
