"""Surrogates with another gradient above the threshold than below it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from snntrain.neuron.surrogate.rule import Surrogate


@dataclass(frozen=True)
class LeakyKReLU(Surrogate):
    """A slope on each side: `leak` for x < 0, `k` for x >= 0."""

    leak: float = field(default=0.0, metadata={"at_least": 0})
    k: float = 1.0

    def gradient(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, torch.full_like(x, self.leak), torch.full_like(x, self.k))

    def primitive(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, self.leak * x, self.k * x)


@dataclass(frozen=True)
class LogTailedReLU(Surrogate):
    """A ReLU with a logarithmic tail: `leak` for x <= 0, 1 for 0 < x <= 1, `1/x` above (Cai et al., CVPR 2017)."""

    leak: float = field(default=0.0, metadata={"at_least": 0})

    def gradient(self, x: Tensor) -> Tensor:
        return torch.where(x <= 0, torch.full_like(x, self.leak), 1 / x.clamp(min=1))

    def primitive(self, x: Tensor) -> Tensor:
        tail = 1 + x.clamp(min=1).log()
        return torch.where(x <= 0, self.leak * x, torch.where(x <= 1, x, tail))


@dataclass(frozen=True)
class S2NN(Surrogate):
    """Logistic below, logarithm above: `α σ(αx)(1 - σ(αx))` for x < 0, `β/(x + 1)` else.

    Source: Suetake et al., arXiv:2201.10879, 2022.
    """

    alpha: float = 4.0
    beta: float = 1.0

    def gradient(self, x: Tensor) -> Tensor:
        y = self.alpha * x
        below = self.alpha * torch.sigmoid(y) * torch.sigmoid(-y)
        return torch.where(x < 0, below, self.beta / (1 + x.clamp(min=0)))

    def primitive(self, x: Tensor) -> Tensor:
        # Not clamp: its derivative at 0 may be 0.
        above = torch.where(x < 0, 0, x)
        return torch.where(x < 0, torch.sigmoid(self.alpha * x), 0.5 + self.beta * above.log1p())
