"""Asking: what is told in training, how it enters the network, and what guidance makes of two answers."""

import pytest
import torch

from helpers import guidance, sampler, schedule, training
from helpers.storage import resume
from helpers.unet import UNet
from helpers.world import sprites
from helpers.world.sprites import SpriteError

OPTIONS = (2, 3, 5)


@pytest.fixture
def g():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def net(g):
    """A narrow network whose layers that begin at zero say something."""
    net = UNet(16, generator=g, options=OPTIONS)
    with torch.no_grad():
        for weights in net.parameters():
            weights.add_(0.1 * torch.randn(weights.shape, generator=g))
    return net.eval()


@pytest.fixture
def seen(g):
    """Noisy pictures and their levels."""
    return torch.randn(4, 3, 16, 16, generator=g), torch.tensor([1, 50, 250, 500])


def labels(n, g):
    return torch.stack([torch.randint(options, (n,), generator=g) for options in OPTIONS], dim=1)


# --- in the network -------------------------------------------------------------------------------------------------


def test_a_network_with_options_begins_as_the_one_without(seen):
    """So weights from before are the same network, and the same file of weights loads."""
    plain, asked = (UNet(16, generator=torch.Generator().manual_seed(3), options=o) for o in ((), OPTIONS))
    assert plain.arguments == {"channels": 16} and asked.arguments == {"channels": 16, "options": [2, 3, 5]}
    missing, unexpected = plain.load_state_dict(asked.state_dict(), strict=False)
    assert missing == [] and unexpected == ["asked.table.weight"]
    assert torch.equal(plain(*seen), asked(*seen))


def test_nothing_asked_is_not_the_first_option(net, seen):
    nothing, first = torch.full((4, 3), -1), torch.zeros(4, 3, dtype=torch.long)
    assert torch.equal(net(*seen, nothing), net(*seen))
    assert not torch.allclose(net(*seen, first), net(*seen), atol=1e-3)


def test_every_option_of_every_attribute_has_a_row_of_its_own(net, seen):
    answers = [net(*seen, torch.tensor([[a if i == k else -1 for i in range(3)]] * 4)) for k in range(3)
               for a in range(OPTIONS[k])]  # fmt: skip
    assert all(not torch.allclose(a, b, atol=1e-4) for i, a in enumerate(answers) for b in answers[:i])


def test_each_picture_hears_its_own_context(net, seen, g):
    context = labels(4, g)
    together = net(*seen, context)
    for i in range(4):
        alone = net(seen[0][[i]], seen[1][[i]], context[[i]])
        assert torch.allclose(together[[i]], alone, atol=1e-5)


@pytest.mark.parametrize("context", [torch.zeros(4, 2).long(), torch.full((4, 3), -2), torch.full((4, 3), 2)])
def test_a_context_of_another_shape_or_range_is_refused(net, seen, context):
    with pytest.raises(ValueError, match=r"context must have shape \(N, 3\)"):
        net(*seen, context)


def test_a_network_without_options_cannot_be_asked(seen):
    with pytest.raises(ValueError, match="cannot be asked"):
        UNet(16)(*seen, torch.zeros(4, 3).long())


# --- in training ----------------------------------------------------------------------------------------------------


def test_of_each_sprite_other_things_are_told_and_of_one_in_ten_nothing(g):
    """Dropped per item and attribute, never for a whole batch at once."""
    given = labels(20_000, g)
    told = guidance.tell_some(given, g)
    kept = told >= 0
    assert torch.equal(told[kept], given[kept]) and (told[~kept] == -1).all()
    of_each = kept.double().mean(dim=0)
    assert (of_each - 0.45).abs().max() < 0.02  # half of nine in ten
    nothing, everything = (kept.sum(dim=1) == 0).double().mean(), kept.all(dim=1).double().mean()
    assert abs(nothing - (0.1 + 0.9 / 4)) < 0.02 and abs(everything - 0.9 / 4) < 0.02  # the mean of u³ is 1/4


def test_training_without_labels_is_as_before_and_with_them_learns_to_listen(g):
    images = torch.stack([torch.full((3, 16, 16), -0.8), torch.full((3, 16, 16), 0.8)])
    sched, told = schedule.cosine(T=50), torch.tensor([[0], [1]])
    net = UNet(16, generator=torch.Generator().manual_seed(0), options=(2,))
    *_, last = training.Run(net, images, sched, g, steps=120, batch_size=16, labels=told)
    noise = torch.randn(2, 3, 16, 16, generator=g)
    dark, bright = last.ema(noise, 50, told)
    assert dark.mean() < -0.3 and bright.mean() > 0.3  # from the same level, where nothing can be seen
    plain = training.batch(images, sched, 8, torch.Generator().manual_seed(1))
    with_labels = training.batch(images, sched, 8, torch.Generator().manual_seed(1), told)
    assert plain.context is None and with_labels.context.shape == (8, 1)
    assert torch.equal(plain.noise, with_labels.noise) and torch.equal(plain.t, with_labels.t)


def test_the_world_says_what_can_be_asked_for():
    world = sprites.load_world()
    told = world.told()
    assert told.shape == (len(world), 10) and (told.max(dim=0).values + 1).tolist() == world.options()
    bob = world.cast["Bob"]
    assert torch.equal(world.wish(**world.describe(bob)), told[bob])
    crown = world.wish(hat="crown")
    assert (crown >= 0).sum() == 1 and (told[:, crown >= 0] == crown[crown >= 0]).any()
    with pytest.raises(SpriteError, match="There are: view, skin"):
        world.wish(shoes="red")
    with pytest.raises(SpriteError, match=r"No hat is 'fez'\. There are: "):
        world.wish(hat="fez")


def test_a_run_with_other_labels_is_kept_in_another_file(g):
    images, sched = torch.zeros(2, 3, 16, 16), schedule.cosine(T=50)
    net = UNet(16, generator=g, options=(2,))
    runs = [training.Run(net, images, sched, g, labels=x) for x in (torch.tensor([[0], [1]]), torch.tensor([[1], [0]]))]
    assert resume.file_of(runs[0]) != resume.file_of(runs[1])


# --- guidance -------------------------------------------------------------------------------------------------------


def test_w_1_is_plain_asking_and_w_0_asks_for_nothing_bit_for_bit(net, seen, g):
    context = labels(4, g)
    assert torch.equal(guidance.guided(net, context)(*seen), net(*seen, context))
    assert torch.equal(guidance.guided(net, context, w=0)(*seen), net(*seen))


def test_guidance_is_that_of_diffusers(net, seen, g):
    """Its pipelines write: uncond + guidance_scale * (cond - uncond)."""
    context = labels(4, g)
    uncond, cond = net(*seen), net(*seen, context)
    assert torch.allclose(guidance.guided(net, context, w=3)(*seen), uncond + 3 * (cond - uncond))


def test_one_wish_serves_all_pictures_and_the_sampler_needs_to_know_nothing(net, g):
    sched = schedule.cosine(T=50)
    wish = torch.tensor([1, -1, 4])
    run = sampler.sample(guidance.guided(net, wish, w=2), sched, n=3, steps=4, generator=g)
    *_, last = run
    assert last.xt.shape == (3, 3, 16, 16)
