"""What lesson 4 shows beside its charts: patients with one mistake each, a panel, and a network that does what its card
says."""

import json
from hashlib import sha256

import pytest
import torch

from helpers import schedule
from helpers.lesson import asking
from helpers.storage import weights
from helpers.unet import UNet
from helpers.world import sprites
from tools import pretrain_asking

SCHED = schedule.cosine(T=500)


@pytest.fixture(scope="module")
def world():
    return sprites.load_world()


@pytest.fixture(scope="module")
def net():
    return weights.load_pretrained(weights.ASKING)


@pytest.fixture(scope="module")
def card():
    return json.loads(pretrain_asking.CARD.read_text(encoding="utf-8"))


def test_the_card_belongs_to_the_file_and_the_file_to_the_training_set(card, world, net):
    content = weights.ASKING.read_bytes()
    assert card["sha256"] == sha256(content).hexdigest() and len(content) <= 3_000_000
    assert card["training sprites"] == sprites.fingerprint(world.images[world.split()[0]])
    assert net.arguments["options"] == world.options()
    assert pretrain_asking.README.read_text(encoding="utf-8") == pretrain_asking.text(card)
    assert list(card["asked"]) == [f"{name}: {o}" for name, options in world.attributes.items() for o in options]


def test_the_file_does_what_the_card_states(card, world, net):
    for name, option in (("hat", "crown"), ("belt", "buckle")):
        stated = card["asked"][f"{name}: {option}"]["w=2"]
        found = pretrain_asking.obeyed(net, world, SCHED, world.wish(**{name: option}), n=64, w=2, seed=5)
        assert found["obeyed"] > stated["obeyed"] - 0.1 and found["valid"] > stated["valid"] - 0.1
    [stated] = [of["w=2"] for key, of in card.items() if key.startswith("described")]
    assert pretrain_asking.described(net, world, SCHED, n=64, w=2, seed=5) > stated - 0.1


def test_each_patient_makes_the_mistake_that_it_is_said_to_make():
    g = torch.Generator().manual_seed(0)
    net = UNet(16, generator=g, options=(2, 3))
    with torch.no_grad():
        for x in net.parameters():
            x.add_(0.1 * torch.randn(x.shape, generator=g))
    xt, t = torch.randn(2, 3, 16, 16, generator=g), torch.tensor([100, 300])
    wish = torch.tensor([-1, 2])

    def told(*context):
        return net(xt, t, torch.tensor([context, context]))

    nothing, asked = net(xt, t), told(-1, 2)
    expected = {
        "ends swapped": asked + 2 * (nothing - asked),
        "mask upside down": nothing + 2 * (told(0, -1) - nothing),
        "wrong silence": told(0, 0) + 2 * (asked - told(0, 0)),
    }
    for who, answer in asking.patients(net, wish, w=2).items():
        assert torch.allclose(answer(xt, t), expected[asking.MISTAKES[who]], atol=1e-5)


def test_the_panel_asks_for_what_was_chosen_and_says_whether_it_came(world, net):
    panel = asking.AskingPanel(net, SCHED, world)
    assert panel.wanted == {} and panel.drawn.shape == (4, 16, 16, 3)
    panel.choices["hat"].value, panel.choices["held"].value = "crown", "staff"
    panel.draw.click()
    assert panel.wanted == {"hat": "crown", "held": "staff"}
    assert panel.words.startswith("Asked for: crown, staff.") and panel.message.value.count("obeys") >= 3
    before = panel.stage.value
    panel.seed.value = 2
    panel.draw.click()
    assert panel.stage.value != before
    panel.w.value = 0  # asks for nothing
    panel.draw.click()
    assert "lacks" in panel.message.value
