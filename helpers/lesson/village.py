"""A village in the plane: who lives where, how likely each is, and how they look."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from helpers import expect
from helpers.world import sprites

LIMIT = 2.0  # places lie in -2..2, as values that `ideal` takes for an image do
NAMES = ("Kai", "Lou", "Mia", "Sam", "Noa", "Ivo", "Eva", "Ben", "Ida", "Tom")  # for those who are not of the cast


@dataclass(frozen=True, eq=False)  # eq: comparing tensors has no single truth value
class Village:
    """Who lives where.

    names    N names
    places   (N, 2) float32, in -2..2
    weights  N whole numbers: how likely each is, before anything is seen; 0 for who is away
    faces    uint8 (N, 16, 16, 3)

    Raises ValueError unless there is one of each for everybody, and TypeError or ValueError for bad places or weights.
    """

    names: tuple[str, ...]
    places: Tensor
    weights: tuple[int, ...]
    faces: np.ndarray

    def __post_init__(self):
        if not len(self.names) == len(self.places) == len(self.weights) == len(self.faces):
            raise ValueError("a village needs a name, a place, a weight and a face for everybody")
        expect.images("places", self.places.view(-1, 1, 1, 2), limit=LIMIT)
        if not sum(expect.count("a weight", weight, least=0) for weight in self.weights):
            raise ValueError("somebody must live in the village: all weights are 0")

    @property
    def images(self) -> Tensor:
        """Everybody as images (sum of the weights, 1, 1, 2) that are equally likely: weight 2 stands there twice."""
        return self.places[self.owners].view(-1, 1, 1, 2)

    @property
    def owners(self) -> Tensor:
        """Whose each of `images` is."""
        return torch.arange(len(self.names)).repeat_interleave(torch.tensor(self.weights))

    def weigh(self, **weights: int) -> "Village":
        """The same village with other weights for those who are named: weigh(Fred=0) takes Fred away."""
        unknown = set(weights) - set(self.names)
        if unknown:
            raise ValueError(f"nobody in {', '.join(self.names)} is called {', '.join(sorted(unknown))}")
        return replace(self, weights=tuple(weights.get(n, w) for n, w in zip(self.names, self.weights, strict=True)))

    def only(self, *names: str) -> "Village":
        """The same village with everybody else away."""
        return self.weigh(**{name: 0 for name in self.names if name not in names})


def dozen(world: sprites.World | None = None, n: int = 12) -> Village:
    """n people, at most 18: the world's cast, and training sprites that are least like anybody chosen before them.

    Their places are their first two principal components among the n (Pearson 1901), so that those who look alike are
    neighbours. They are pushed apart until no two faces overlap, out of the middle, where nobody shall live, and scaled
    so that the mean square of a coordinate is 1: noise of variance 1 is as wide as the village, and the schedule means
    what it means for sprites.
    """
    world = sprites.load() if world is None else world
    pool = world.split()[0][:2000]
    flat = world.images.reshape(len(world), -1)

    def unlike(i):  # how much each of the pool differs from sprite i
        return np.square(flat[pool] - flat[i].astype(np.float32)).mean(axis=1)

    chosen = list(world.cast.values())[:n]
    nearest = np.min([unlike(i) for i in chosen], axis=0)
    while len(chosen) < n and nearest.max() > 0:
        chosen.append(int(pool[nearest.argmax()]))
        nearest = np.minimum(nearest, unlike(chosen[-1]))
    names = (*list(world.cast)[:n], *NAMES)[: len(chosen)]
    return Village(names, _places(flat[chosen].astype(float)), (1,) * len(chosen), world.images[chosen])


def _places(x: np.ndarray) -> Tensor:
    """(N, D) pictures -> (N, 2) float32 places, as `dozen` says, rounded to hundredths."""
    x = x - x.mean(axis=0)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    place = u[:, :2] * s[:2]
    place *= np.sign(place[np.abs(place).argmax(axis=0), [0, 1]])  # a component has no sign of its own
    place /= place.std(axis=0)
    face = np.array([0.85, 1.1])  # room for a face and the words below it
    for _ in range(2000):
        place = place - place.mean(axis=0)
        place /= np.sqrt(np.square(place).mean())
        apart = (place[:, None] - place) / face
        distance = np.linalg.norm(apart, axis=-1) + 9 * np.eye(len(place))
        place = place + 0.25 * (face * apart * (np.maximum(0, 1 - distance) / distance)[..., None]).sum(axis=1)
        radius = np.linalg.norm(place, axis=1, keepdims=True)
        place += 0.2 * np.maximum(0, 0.7 - radius) * place / radius
    return torch.tensor(place.clip(-LIMIT, LIMIT).round(2), dtype=torch.float32)
