"""Surrogates with a smooth or piecewise gradient that is even around the threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from snntrain.neuron.surrogate.rule import Surrogate


@dataclass(frozen=True)
class PiecewiseQuadratic(Surrogate):
    """Triangle: `max(0, α - α²|x|)` (Esser et al., PNAS 2016; Bellec et al., NeurIPS 2018)."""

    alpha: float = 1.0

    def gradient(self, x: Tensor) -> Tensor:
        return (self.alpha - self.alpha**2 * x.abs()).clamp(min=0)

    def primitive(self, x: Tensor) -> Tensor:
        x = x.clamp(-1 / self.alpha, 1 / self.alpha)
        return -0.5 * self.alpha**2 * x.abs() * x + self.alpha * x + 0.5


@dataclass(frozen=True)
class PiecewiseExp(Surrogate):
    """Two-sided exponential: `(α/2) e^{-α|x|}` (Shrestha and Orchard, SLAYER, NeurIPS 2018)."""

    alpha: float = 1.0

    def gradient(self, x: Tensor) -> Tensor:
        return 0.5 * self.alpha * (-self.alpha * x.abs()).exp()

    def primitive(self, x: Tensor) -> Tensor:
        # Not x.abs(): its derivative at 0 is 0.
        tail = 0.5 * (self.alpha * torch.where(x < 0, x, -x)).exp()
        return torch.where(x < 0, tail, 1 - tail)


@dataclass(frozen=True)
class Sigmoid(Surrogate):
    """Logistic: `α σ(αx)(1 - σ(αx))`."""

    alpha: float = 1.0

    def gradient(self, x: Tensor) -> Tensor:
        # Not 1 - σ(αx), which loses all digits if σ is nearly 1.
        y = self.alpha * x
        return self.alpha * torch.sigmoid(y) * torch.sigmoid(-y)

    def primitive(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.alpha * x)


@dataclass(frozen=True)
class SoftSign(Surrogate):
    """Soft sign: `1 / (2α (1/α + |x|)²)`."""

    alpha: float = 2.0

    def gradient(self, x: Tensor) -> Tensor:
        return 0.5 * self.alpha / (1 + self.alpha * x.abs()) ** 2

    def primitive(self, x: Tensor) -> Tensor:
        y = self.alpha * x
        return 0.5 * (y / (1 + y.abs()) + 1)


@dataclass(frozen=True)
class ATan(Surrogate):
    """Arc tangent: `(α/2) / (1 + (παx/2)²)` (Fang et al., ICCV 2021)."""

    alpha: float = 2.0

    def gradient(self, x: Tensor) -> Tensor:
        return 0.5 * self.alpha / (1 + (0.5 * math.pi * self.alpha * x) ** 2)

    def primitive(self, x: Tensor) -> Tensor:
        return torch.atan(0.5 * math.pi * self.alpha * x) / math.pi + 0.5


@dataclass(frozen=True)
class NonzeroSignLogAbs(Surrogate):
    """Logarithm of the distance: `1 / (1/α + |x|)`; its primitive is not bounded."""

    alpha: float = 1.0

    def gradient(self, x: Tensor) -> Tensor:
        return 1 / (1 / self.alpha + x.abs())

    def primitive(self, x: Tensor) -> Tensor:
        # Not x.abs(): its derivative at 0 is 0.
        size = (self.alpha * torch.where(x < 0, -x, x)).log1p()
        return torch.where(x < 0, -size, size)


@dataclass(frozen=True)
class Erf(Surrogate):
    """Gaussian: `(α/√π) e^{-α²x²}`."""

    alpha: float = 2.0

    def gradient(self, x: Tensor) -> Tensor:
        return self.alpha / math.sqrt(math.pi) * (-((self.alpha * x) ** 2)).exp()

    def primitive(self, x: Tensor) -> Tensor:
        return 0.5 * torch.erfc(-self.alpha * x)


@dataclass(frozen=True)
class PiecewiseLeakyReLU(Surrogate):
    """A box of height `1/(2w)` for `|x| <= w`, the leak `c` outside."""

    w: float = 1.0
    c: float = 0.01

    def gradient(self, x: Tensor) -> Tensor:
        inside = torch.full_like(x, 0.5 / self.w)
        return torch.where(x.abs() <= self.w, inside, torch.full_like(x, self.c))

    def primitive(self, x: Tensor) -> Tensor:
        ramp = x.clamp(-self.w, self.w)
        return 0.5 * ramp / self.w + 0.5 + self.c * (x - ramp)


@dataclass(frozen=True)
class SuperSpike(Surrogate):
    """Fast sigmoid: `1 / (1 + α|x|)²` (Zenke and Ganguli, Neural Computation 2018)."""

    alpha: float = 10.0

    def gradient(self, x: Tensor) -> Tensor:
        return 1 / (1 + self.alpha * x.abs()) ** 2

    def primitive(self, x: Tensor) -> Tensor:
        return x / (1 + self.alpha * x.abs()) + 0.5


@dataclass(frozen=True)
class Rectangle(Surrogate):
    """A box of area 1: `α` for `|x| <= 1/(2α)` (Wu et al., STBP, Frontiers in Neuroscience 2018)."""

    alpha: float = 1.0

    def gradient(self, x: Tensor) -> Tensor:
        return self.alpha * (x.abs() <= 0.5 / self.alpha).to(x.dtype)

    def primitive(self, x: Tensor) -> Tensor:
        return (self.alpha * x + 0.5).clamp(0, 1)


@dataclass(frozen=True)
class QPseudoSpike(Surrogate):
    """Tail of a chosen weight: `(1 + 2|x|/(α-1))^-α`, α > 1 (Herranz-Celotti and Rouat, arXiv:2202.00282, 2022)."""

    alpha: float = field(default=2.0, metadata={"above": 1})

    def gradient(self, x: Tensor) -> Tensor:
        return (1 + 2 / (self.alpha - 1) * x.abs()) ** -self.alpha

    def primitive(self, x: Tensor) -> Tensor:
        # Not x.abs(): its derivative at 0 is 0.
        size = torch.where(x < 0, -x, x)
        tail = 0.5 * (1 + 2 / (self.alpha - 1) * size) ** (1 - self.alpha)
        return torch.where(x < 0, tail, 1 - tail)


@dataclass(frozen=True)
class SquarewaveFourierSeries(Surrogate):
    """The first `n` terms of the Fourier series of a square wave of a period: `(4/P) Σ_{i<=n} cos(2π(2i-1)x/P)`.

    The wave is 1 over the half period above the threshold, and 0 over the one below; its gradient may be negative.
    """

    n: int = field(default=2, metadata={"at_least": 1})
    T_period: float = 8.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if int(self.n) != self.n:
            raise ValueError(f"SquarewaveFourierSeries: n must be a whole number, not {self.n!r}")

    def gradient(self, x: Tensor) -> Tensor:
        # Within one period, as the argument of a cosine may overflow in half precision.
        x = x.remainder(self.T_period)
        terms = [(rate * x).cos() for rate in self._rates()]
        return 4 / self.T_period * torch.stack(terms).sum(0)

    def primitive(self, x: Tensor) -> Tensor:
        x = x.remainder(self.T_period)
        terms = [(rate * x).sin() / rate for rate in self._rates()]
        return 0.5 + 4 / self.T_period * torch.stack(terms).sum(0)

    def _rates(self) -> list[float]:
        return [2 * math.pi * (2 * i - 1) / self.T_period for i in range(1, int(self.n) + 1)]
