"""The firing rule that every surrogate follows."""

from __future__ import annotations

import math
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from snntrain.kernels.register import is_transformed


class _Spike(torch.autograd.Function):
    """Heaviside step forward, the surrogate's gradient backward (differentiable again, as it is torch code)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, surrogate: Surrogate) -> Tensor:
        return surrogate.fire(x)

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
        ValueError: a shape parameter is not a finite number, or not above 0 (for some surrogates: below another bound).
    """

    # Whether spikes are drawn at random, so that a second run over the same input has others.
    random: ClassVar[bool] = False
    spiking: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        for parameter in shape_of(self):
            value, least = getattr(self, parameter.name), parameter.metadata.get("at_least")
            above = parameter.metadata.get("above", 0)
            fits = value > above if least is None else value >= least
            if not (fits and math.isfinite(value)):
                needed = "a positive number" if above == 0 else f"a number above {above}"
                needed = needed if least is None else f"a number of at least {least}"
                raise ValueError(f"{type(self).__name__}: {parameter.name} must be {needed}, not {value!r}")

    def __call__(self, x: Tensor) -> Tensor:
        """Return the spikes (with `spiking=False` the primitive) for the distance `x` from the threshold, any shape."""
        if not self.spiking:
            return self.primitive(x)
        with_tangent = is_transformed() and not torch.compiler.is_compiling()
        fire = _SpikeWithTangent if with_tangent else _Spike
        spikes: Tensor = fire.apply(x, self)
        return spikes

    def fire(self, x: Tensor) -> Tensor:
        """Return 1 where `x` is at least 0, else 0, in the dtype of `x`."""
        return (x >= 0).to(x.dtype)

    def gradient(self, x: Tensor) -> Tensor:
        """Return the derivative for the backward pass, elementwise."""
        raise NotImplementedError(f"{type(self).__name__} defines no gradient(x)")

    def primitive(self, x: Tensor) -> Tensor:
        """Return the integral of `gradient`, elementwise."""
        raise NotImplementedError(f"{type(self).__name__} defines no primitive(x)")


def shape_of(surrogate: Surrogate | type[Surrogate]) -> list[Field[Any]]:
    """Return the shape parameters of a surrogate, in order."""
    return [parameter for parameter in fields(surrogate) if parameter.name != "spiking"]
