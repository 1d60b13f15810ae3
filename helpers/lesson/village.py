"""A village in the plane: who lives where, how likely each is, and how they look."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from helpers.world import sprites

# The places of the dozen: the first two principal components of their pictures (Pearson 1901), so that those who look
# alike are neighbours; pushed apart until no two faces overlap, and out of the middle, where nobody shall live.
ACROSS = (-1.55, -1.3, -1.12, 0.54, -0.2, 1.48, -0.25, -0.76, 1.39, 0.88, 0.48, 0.41)
UP = (-0.26, -1.31, 1.15, 0.64, -0.67, -1.4, 1.04, 0.15, 0.66, -0.38, -1.35, 1.73)
NAMES = ("Kai", "Lou", "Mia", "Sam", "Noa", "Ivo", "Eva", "Ben", "Ida")  # for those who are not of the cast


@dataclass(frozen=True, eq=False)  # eq: comparing tensors has no single truth value
class Village:
    """Who lives where.

    names    N names
    places   (N, 2) float32, in -2..2, as values that `ideal` takes for an image do
    weights  N whole numbers: how likely each is, before anything is seen; 0 for who is away
    faces    uint8 (N, 16, 16, 3)
    """

    names: tuple[str, ...]
    places: Tensor
    weights: tuple[int, ...]
    faces: np.ndarray

    @property
    def images(self) -> Tensor:
        """Everybody as images (sum of the weights, 1, 1, 2) that are equally likely: weight 2 stands there twice."""
        return self.places[self.owners].view(-1, 1, 1, 2)

    @property
    def owners(self) -> Tensor:
        """Whose each of `images` is."""
        return torch.arange(len(self.names)).repeat_interleave(torch.tensor(self.weights))

    @property
    def colours(self) -> np.ndarray:
        """(N, 3) red, green, blue in 0..1: where a person lives, on a wheel of colours."""
        angle = torch.atan2(self.places[:, 1], self.places[:, 0])[:, None]
        return (0.55 + 0.35 * torch.cos(angle - torch.pi * torch.tensor([0, 2, 4]) / 3)).numpy()

    def weigh(self, **weights: int) -> "Village":
        """The same village with other weights for those who are named: weigh(Fred=0) takes Fred away."""
        unknown = set(weights) - set(self.names)
        if unknown:
            raise ValueError(f"nobody in {', '.join(self.names)} is called {', '.join(sorted(unknown))}")
        return replace(self, weights=tuple(weights.get(n, w) for n, w in zip(self.names, self.weights, strict=True)))

    def only(self, *names: str) -> "Village":
        """The same village with everybody else away."""
        return self.weigh(**{name: 0 for name in self.names if name not in names})


def dozen(world: sprites.World | None = None) -> Village:
    """Twelve people: a world's cast, and training sprites, each the one least like anybody chosen before."""
    world = sprites.load() if world is None else world
    pool = world.images[world.split()[0][:2000]]
    faces = [world.images[i] for i in world.cast.values()][:12]
    while len(faces) < 12:
        unlike = [np.square(pool - face.astype(np.float32)).mean(axis=(1, 2, 3)) for face in faces]
        faces.append(pool[np.min(unlike, axis=0).argmax()])
    names = (*list(world.cast)[:12], *NAMES)[:12]
    return Village(names, torch.tensor([ACROSS, UP]).T.contiguous(), (1,) * 12, np.stack(faces))
