"""Firing rules that pass the gradient on as it is: the straight-through estimator (Bengio et al., 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from snntrain.neuron.surrogate.rule import Surrogate


@dataclass(frozen=True)
class DeterministicPass(Surrogate):
    """Fire at the threshold, and pass the gradient on: its factor is 1 everywhere."""

    def gradient(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)

    def primitive(self, x: Tensor) -> Tensor:
        return x


@dataclass(frozen=True)
class PoissonPass(DeterministicPass):
    """Fire with the probability `x`, and pass the gradient on.

    Below 0 it never fires, at 1 and above always. In a neuron the probability is `h - v_threshold`. The numbers come
    from torch's generator, so a seed repeats them, and a resumed run continues with them.
    """

    random: ClassVar[bool] = True

    def fire(self, x: Tensor) -> Tensor:
        return (self.draw(x) < x).to(x.dtype)

    def draw(self, x: Tensor) -> Tensor:
        """Return random numbers in [0, 1) of the shape of `x`, float32 at least."""
        return torch.rand_like(x, dtype=torch.promote_types(x.dtype, torch.float32))
