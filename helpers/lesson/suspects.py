"""Who it may be: the twelve of the village, and everybody, ready to be asked about one noisy picture after another."""

import torch
from torch import Tensor

from helpers.lesson import village
from helpers.world import ideal


def twelve(world) -> dict[str, int]:
    """Name -> index of the twelve in the village; of a learner's own sprites the first twelve, as many as there are."""
    if not world.known:
        return world.cast | {f"number {i}": i for i in range(12) if i < len(world) and i not in world.cast.values()}
    home = village.dozen(world)
    index = [int((world.images == face).all(axis=(1, 2, 3)).argmax()) for face in home.faces]
    return dict(zip(home.names, index, strict=True))


class Suspects:
    """Everybody in a world, each equally likely until something is seen.

    Multiplied out, the squared distance of a noisy picture to each sprite is made of the sprite's products with the
    clean picture and with the noise. Both are kept, so that another level costs no more than a softmax over the sprites
    and one mean of them. Holds every sprite as float32: 0.5 GB for the whole world.
    """

    def __init__(self, world, sched):
        self.world, self.sched = world, sched
        self._x = torch.empty(len(world), world.images[0].size)  # (M, D)
        for rows, x0 in ideal.chunks(world.images, "cpu"):
            self._x[rows] = x0
        self._half = self._x.square().sum(1).double() / 2  # (M,)

    def __len__(self) -> int:
        return len(self._x)

    def distance2(self, i: int) -> Tensor:
        """The squared distance of every sprite from sprite i: (M,) float64, at i itself exactly 0."""
        distance2 = 2 * (self._half + self._half[i] - (self._x @ self._x[i]).double())
        distance2[i] = 0
        return distance2.clamp(min=0)

    def see(self, i: int, noise: Tensor) -> None:
        """Have sprite i, with this noise (3, 16, 16), looked at from now on. Raises IndexError if there is none."""
        self._x0, self._noise = self._x[i], noise.flatten()
        self._clean, self._noisy = (self._x @ self._x0).double(), (self._x @ self._noise).double()

    def at(self, level: int) -> tuple[Tensor, Tensor, Tensor]:
        """At that level: (the noisy picture (1, 3, 16, 16), the probability of each sprite (M,), the best answer)."""
        a = self.sched.alpha_bar[level].double()
        keep, add = a.sqrt(), (1 - a).sqrt()
        log_p = keep * (keep * self._clean + add * self._noisy - keep * self._half) / (1 - a).clamp(min=1e-9)
        p = torch.softmax(log_p, dim=0).float()
        shape = 1, *ideal.image_shape(self.world.images)
        xt = keep.float() * self._x0 + add.float() * self._noise
        return xt.view(shape), p, (p @ self._x).view(shape)


def own_options(world, p: Tensor, i: int) -> dict[str, Tensor]:
    """Attribute -> (L,): how likely, under each row of p (L, M), is the option that sprite i has."""
    return {name: p @ torch.as_tensor(of == of[i]).to(p) for name, of in world.labels.items()}
