"""A look inside the network: what passes is what it computes, paths are silenced and swapped where they meet."""

import numpy as np
import pytest
import torch

from helpers.lesson import tour
from helpers.unet import UNet
from helpers.world import sprites


@pytest.fixture(scope="module")
def net():
    net = UNet(16, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for weights in net.parameters():  # blocks that do something
            weights.add_(0.05 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(1)))
    return net


XT = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(2))


def test_maps_have_their_shapes_and_the_last_leads_to_the_guess(net):
    seen = tour.maps(net, XT, 100)
    shapes = {name: tuple(x.shape) for name, x in seen.items()}
    assert shapes == {
        "fine path": (3, 16, 8, 8),
        "coarse path": (3, 32, 4, 4),
        "fine path again": (3, 16, 8, 8),
    }
    with torch.no_grad():
        left = torch.nn.functional.pixel_shuffle(net.leave(seen["fine path again"]), 2)
        assert torch.equal(left, net(XT, 100))


def test_paths_are_silenced_and_swapped_and_the_network_is_left_as_it_was(net):
    with torch.no_grad():
        whole = net(XT, 100)
    assert torch.equal(tour.guess(net, XT, 100), whole)
    assert torch.equal(tour.guess(net, XT, 100, coarse_of=torch.arange(3)), whole)
    for other in (
        tour.guess(net, XT, 100, without="the skip"),
        tour.guess(net, XT, 100, without="the coarse path"),
        tour.guess(net, XT, 100, coarse_of=torch.tensor([1, 2, 0])),
    ):
        assert (other - whole).abs().max() > 1e-3
    with torch.no_grad():
        assert torch.equal(net(XT, 100), whole)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_the_whole_of_both_paths_passes_where_they_meet(net):
    """With another's coarse path and another's skip, the guess is the other's."""
    same = XT[:1].expand(2, -1, -1, -1)
    assert torch.allclose(
        tour.guess(net, same, 100, coarse_of=torch.tensor([1, 0])), tour.guess(net, same, 100), atol=1e-5
    )


def test_another_path_is_refused(net):
    with pytest.raises(ValueError, match="the skip"):
        tour.guess(net, XT, 100, without="the attention")


def test_options_are_those_of_the_nearest_sprite():
    world = sprites.load_world()
    chosen = np.arange(0, 100, 9)
    found = tour.options(sprites.to_tensor(world.images[chosen]), world)
    assert all((found[name] == of[chosen]).all() for name, of in world.labels.items())


def test_the_detector_finds_the_number_that_tells_and_is_tried_on_others():
    g = torch.Generator().manual_seed(3)
    has = torch.rand(400, generator=g) < 0.3
    features = torch.randn(400, 4, 2, 3, generator=g)
    assert tour.detector(features, has)[3] < 0.65  # nothing to find: no better than chance, where it was not chosen
    features[:, 2, 1, 0] -= 8 * has
    channel, row, column, share = tour.detector(features, has)
    assert (channel, row, column) == (2, 1, 0) and share > 0.98


def test_the_framed_place_is_the_one_asked_for():
    maps = torch.zeros(1, 4, 4)
    maps[0, 1, 2] = 1
    [image] = tour.painted(maps, 1, 2)
    assert image.shape == (80, 80, 3)
    assert (image[30, 50] == 255).all() and (image[5, 5] == 0).all()
    assert tuple(image[20, 40]) == (209, 73, 91)
