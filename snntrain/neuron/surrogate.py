"""Surrogate gradients: a step function forward, a smooth derivative backward.

A surrogate is a small immutable value. Calling it fires: `s = surrogate(h - v_threshold)` is 1 if its argument is
`>= 0`, else 0; the gradient is `gradient(x)` instead of the derivative of the step. With `spiking=False` it returns
`primitive(x)`, the integral of `gradient`, with ordinary autograd.

The tests check each gradient against the finite difference of its primitive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from snntrain.kernels.register import is_transformed


class _Spike(torch.autograd.Function):
    """Heaviside step forward, the surrogate's gradient backward (differentiable again, as it is torch code)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, surrogate: Surrogate) -> Tensor:
        return (x >= 0).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Surrogate], output: Tensor) -> None:
        x, ctx.surrogate = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grad * ctx.surrogate.gradient(x), None


class _SpikeWithTangent(_Spike):
    """`_Spike` with forward-mode differentiation, which torch's compiler does not trace."""

    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Surrogate], output: Tensor) -> None:
        _Spike.setup_context(ctx, inputs, output)
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        (x,) = ctx.saved_tensors
        slope: Tensor = ctx.surrogate.gradient(x)
        return tangent * slope


@dataclass(frozen=True)
class Surrogate:
    """A firing rule: step function and surrogate gradient.

    Args:
        spiking: True (default) fires 0 or 1; False returns the primitive, a float.

    Raises:
        ValueError: a shape parameter is not a positive finite number.
    """

    spiking: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        for parameter in fields(self):
            value = getattr(self, parameter.name)
            if parameter.name != "spiking" and not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{type(self).__name__}: {parameter.name} must be a positive number, not {value!r}")

    def __call__(self, x: Tensor) -> Tensor:
        """Return the spikes (with `spiking=False` the primitive) for the distance `x` from the threshold, any shape."""
        if not self.spiking:
            return self.primitive(x)
        with_tangent = is_transformed() and not torch.compiler.is_compiling()
        fire = _SpikeWithTangent if with_tangent else _Spike
        spikes: Tensor = fire.apply(x, self)
        return spikes

    def gradient(self, x: Tensor) -> Tensor:
        """Return the derivative for the backward pass, elementwise."""
        raise NotImplementedError(f"{type(self).__name__} defines no gradient(x)")

    def primitive(self, x: Tensor) -> Tensor:
        """Return the integral of `gradient`, elementwise."""
        raise NotImplementedError(f"{type(self).__name__} defines no primitive(x)")


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
