"""The plane without a browser: the village, and the numbers that notebooks claim."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from helpers import sampler, schedule
from helpers.lesson import plane, plane_still
from helpers.world import sprites

SCHED = schedule.cosine()
FIFTY = sampler.levels(SCHED.T, 50)


@pytest.fixture(scope="module")
def dozen():
    return plane.dozen()


def noise(n, seed=0):
    return torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_hand(village, x, t):
    """Bayes' rule, written down once more: N probabilities."""
    a = float(SCHED.alpha_bar[t])
    distance2 = np.square(np.array(x) - a**0.5 * village.places.numpy().astype(float)).sum(axis=1)
    logs = np.where(village.weights, -distance2 / (2 * (1 - a)), -np.inf)
    p = np.array(village.weights) * np.exp(logs - logs.max())
    return p / p.sum()


# ---- the village ----


def test_the_dozen_are_spread_out_around_an_empty_middle_with_variance_1(dozen):
    assert dozen.names[:3] == ("Bob", "Fred", "Nancy") and len(set(dozen.names)) == 12
    assert len(np.unique(dozen.faces, axis=0)) == 12
    assert dozen.places.mean(dim=0).abs().max() < 0.01
    assert abs(dozen.places.square().mean() - 1) < 0.01
    apart = ((dozen.places[:, None] - dozen.places) / torch.tensor([0.75, 1.0])).norm(dim=-1)
    assert apart[~torch.eye(12, dtype=bool)].min() > 1, "two faces or their names overlap"
    assert dozen.places.norm(dim=1).min() > 0.6


def test_those_who_look_alike_are_neighbours(dozen):
    """Bob, Fred and Nancy differ by hair and belt alone: Fred lives nearer to Bob than the median of the others."""
    distance = (dozen.places - dozen.places[0]).norm(dim=1)[1:]
    assert distance[0] < distance.median() and distance[1] < distance.median()


def test_an_edited_world_has_a_village_too(dozen):
    world = sprites.load()
    few = replace(world, cast={name: world.cast[name] for name in ("Bob", "Fred", "Nancy")})
    village = plane.dozen(few)
    assert village.names[:5] == ("Bob", "Fred", "Nancy", "Kai", "Lou") and torch.equal(village.places, dozen.places)
    assert len(village.names) == len(np.unique(village.faces, axis=0)) == 12


def test_weights_are_set_by_name(dozen):
    assert dozen.weigh(Fred=0, Bob=3).weights == (3, 0, *[1] * 10)
    assert dozen.only("Bob", "Nancy").weights == (1, 0, 1, *[0] * 9)
    with pytest.raises(ValueError, match="Karl"):
        dozen.weigh(Karl=2)
    with pytest.raises(ValueError, match="at least one"):
        plane.posterior(dozen.only(), noise(1), 100, SCHED)
    with pytest.raises(ValueError, match="values from"):
        plane.posterior(replace(dozen, places=2 * dozen.places), noise(1), 100, SCHED)


# ---- the numbers ----


@pytest.mark.parametrize("t", [5, 120, 300, 500])
def test_the_posterior_is_bayes_rule(dozen, t):
    uneven = dozen.weigh(Bob=2, Fred=0, Nancy=5)
    xt = SCHED.alpha_bar[t].sqrt() * dozen.places[:6].double() + (1 - SCHED.alpha_bar[t]).sqrt() * noise(6)
    for village in (dozen, uneven):
        p = plane.posterior(village, xt, t, SCHED)
        assert np.allclose(p, [by_hand(village, x, t) for x in xt.tolist()], atol=1e-6)
        best = plane.denoiser(village, SCHED)(xt[:, None, None], t)[:, 0, 0]
        assert torch.allclose(best, p @ village.places, atol=1e-6)
    assert (plane.posterior(uneven, xt, t, SCHED)[:, 1] == 0).all()


def test_the_best_answer_is_somebody_at_a_low_level_and_the_middle_at_the_last(dozen):
    best = plane.denoiser(dozen, SCHED)
    points = torch.linspace(-1.5, 1.5, 49).double().repeat(2, 1).T.reshape(-1, 1, 1, 2)
    alone = (best(points, 5)[:, 0, 0][:, None] - dozen.places).norm(dim=-1).min(dim=1).values
    assert (alone < 0.01).double().mean() > 0.9
    assert best(points, SCHED.T).norm(dim=-1).max() < 0.02


def test_asking_goes_beyond_the_answer_with_the_question(dozen):
    asked = dozen.only("Bob", "Fred")
    xt = noise(5).view(-1, 1, 1, 2)
    without, once = (plane.denoiser(village, SCHED)(xt, 400) for village in (dozen, asked))
    for w in (0, 1, 3):
        mixed = plane.denoiser(dozen, SCHED, asked=asked, w=w)(xt, 400)
        assert torch.allclose(mixed, without + w * (once - without), atol=1e-6)
    ends = plane.walks(dozen, SCHED, noise(50), FIFTY, rest="none", net=plane.denoiser(dozen, SCHED, asked))[-1]
    counts = plane.reached(dozen, ends)
    assert counts["Bob"] + counts["Fred"] == 50 and counts["Bob"] > 0 and counts["Fred"] > 0


@pytest.mark.parametrize(("rest", "eta"), [("fresh", 1.0), ("none", 0.0)])
def test_a_walk_is_the_samplers(dozen, rest, eta):
    start = noise(20)
    path = plane.walks(dozen, SCHED, start, FIFTY, torch.Generator().manual_seed(3), rest=rest)
    steps = list(
        sampler.sample(
            plane.denoiser(dozen, SCHED), SCHED, xt=start.view(-1, 1, 1, 2), steps=50, eta=eta, clip=False,
            generator=torch.Generator().manual_seed(3),
        )
    )  # fmt: skip
    assert path.shape == (51, 20, 2)
    assert torch.allclose(path, torch.stack([step.xt[:, 0, 0] for step in steps]), atol=1e-9)


def test_a_walk_that_forgets_its_noise_is_the_samplers_with_zeros(dozen):
    start = noise(4).view(-1, 1, 1, 2)
    first = plane.walks(dozen, SCHED, noise(4), [500, 490], rest="none", first="forgotten")[-1]
    guess = plane.denoiser(dozen, SCHED)(start, 500).double()
    stepped = sampler.step_down(start, guess, 500, 490, SCHED, 1.0, torch.zeros_like(start))[:, 0, 0]
    assert torch.allclose(first, stepped) and first.std() < 0.01
    assert torch.allclose(
        plane.walks(dozen, SCHED, noise(4), FIFTY[1:], rest="none", first="forgotten"),
        plane.walks(dozen, SCHED, noise(4), FIFTY[1:], rest="none"),
    ), "the first step is the one from the last level, not that of any walk"
    with pytest.raises(ValueError, match="fresh, none, forgotten"):
        plane.walks(dozen, SCHED, noise(4), FIFTY, rest="old")


@pytest.mark.parametrize("rest", ["fresh", "none"])
def test_everybody_is_reached_as_often_as_they_should(dozen, rest):
    uneven = dozen.weigh(Bob=4, Zuri=0)
    levels = sampler.levels(SCHED.T, 100)
    for village in (dozen, uneven):
        ends = plane.walks(village, SCHED, noise(2000), levels, torch.Generator().manual_seed(1), rest=rest)[-1]
        counts = plane.reached(village, ends)
        assert counts["nobody"] <= 2
        assert plane.chance(counts, np.array(village.weights) / sum(village.weights)) > 0.01
    assert plane.chance(counts, np.ones(12) / 12) < 1e-9, "and the test would have seen Bob counted four times"


def test_from_a_noisy_point_everybody_is_reached_as_often_as_they_are_likely(dozen):
    xt = torch.tensor([[-0.9, -0.4]]).double()
    p = plane.posterior(dozen, xt, 250, SCHED)[0]
    assert p.max() < 0.5
    g = torch.Generator().manual_seed(0)
    ends = plane.walks(dozen, SCHED, xt.repeat(2000, 1), sampler.levels(250, 125), g)[-1]
    assert plane.chance(plane.reached(dozen, ends), p) > 0.01
    assert plane.chance(plane.reached(dozen, ends), np.ones(12) / 12) < 1e-9


def test_forgotten_noise_reaches_few_people_and_which_depends_on_where_they_live(dozen):
    """As among sprites, forgetting the first step alone leaves one person. Forgetting all others leaves few, where
    sprites stay 48 of 48: whoever lives nearest to the middle is reached. Where all live equally far from it, nobody
    is lost."""

    def people(village, first, rest):
        g = torch.Generator().manual_seed(0)
        ends = plane.walks(village, SCHED, noise(200), FIFTY, g, rest=rest, first=first)[-1]
        return [name for name, count in plane.reached(village, ends).items() if count and name != "nobody"]

    angle = torch.arange(12) * torch.pi / 6
    ring = replace(dozen, places=2**0.5 * torch.stack([angle.cos(), angle.sin()], dim=1))
    assert len(people(dozen, None, "fresh")) == len(people(dozen, None, "none")) == 12
    assert len(people(dozen, "forgotten", "none")) == 1
    few = people(dozen, "fresh", "forgotten")
    assert 2 <= len(few) <= 5
    nearest = sorted(dozen.names, key=lambda name: dozen.places[dozen.names.index(name)].norm())[:5]
    assert set(few) <= set(nearest)
    assert len(people(ring, "forgotten", "none")) == len(people(ring, "fresh", "forgotten")) == 12


def test_one_jump_ends_between_people(dozen):
    ends = plane.walks(dozen, SCHED, noise(200), [SCHED.T, 0])[-1]
    assert plane.reached(dozen, ends)["nobody"] == 200
    assert ends.norm(dim=1).max() < 0.02


def test_chance_is_calibrated_also_where_some_are_rare():
    rng = np.random.default_rng(0)
    shares = np.array([0.5, 0.3, 0.17, 0.02, 0.01, 0.0])
    names = "abcdef"
    p = [plane.chance(dict(zip(names, rng.multinomial(200, shares), strict=True)), shares) for _ in range(2000)]
    assert abs(np.mean(np.array(p) < 0.05) - 0.05) < 0.02
    assert plane.chance(dict(zip(names, [100, 60, 34, 4, 2, 0], strict=True)) | {"nobody": 40}, shares) > 0.99
    assert plane.chance(dict(zip(names, [60, 100, 34, 4, 2, 0], strict=True)), shares) < 1e-6
    assert plane.chance(dict(zip(names, [92, 56, 32, 0, 0, 20], strict=True)), shares) < 1e-6, "the impossible happened"
    assert np.isnan(plane.chance({"a": 0, "nobody": 9}, [1]))
    even = [18, 27, 9, 9, 16, 19, 22, 17, 13, 22, 18, 10]
    counts = dict(enumerate(even)) | {"nobody": 0}
    assert np.isclose(plane.chance(counts, np.ones(12) / 12), stats.chisquare(even).pvalue)


# ---- the picture ----


def test_the_output_holds_a_still_picture_its_words_and_the_script(dozen):
    words = {"caption": "Drag <it> & see.", "alt": 'A "village".'}
    data, metadata = plane.output(dozen, **words, point=(0.5, 0.5), level=200)
    assert (data, metadata) == plane.output(dozen, **words, point=(0.5, 0.5), level=200)
    html = data["text/html"]
    assert "<figcaption>Drag &lt;it&gt; &amp; see.</figcaption>" in html and 'alt="A &quot;village&quot;."' in html
    assert html.count("</script>") == 1 and html.endswith("</script>")
    name = re.search(r'<figure class="(plane-\w+)"', html)[1]
    assert f"figure.{name}:not" in html and metadata["image/png"]["width"] == 480
    assert len(html) < 105_000


@pytest.mark.parametrize(
    "wrong",
    [{"tools": ["walks"]}, {"opened": ["walks"]}, {"speed": 3}, {"level": 501}, {"point": "Karl"}],
)
def test_what_the_plane_does_not_have_is_refused(dozen, wrong):
    with pytest.raises(ValueError):
        plane.output(dozen, **{"caption": "c", "alt": "a"} | wrong)


def test_scripts_hold_no_closing_script_tag():
    for file in (*plane.SCRIPTS, "plane.html"):
        assert "</script" not in plane.CONTROLS.with_name(file).read_text(encoding="utf-8").lower()


def test_only_the_paper_around_a_sprite_is_see_through():
    face = np.full((16, 16, 3), 255, np.uint8)
    face[4:12, 4:12] = 10
    face[6:8, 6:8] = 255  # white within, an eye
    alpha = np.asarray(plane_still.cut_out(face))[:, :, 3]
    assert alpha[4:12, 4:12].min() == 255 and alpha.sum() == 64 * 255
