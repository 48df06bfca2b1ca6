"""Layers over time: stateless layers take T steps as one large batch, and a constant input only once."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from snntrain.neuron import BaseNode
from snntrain.neuron.integrate_and_fire import is_repeated, steps_of


class OverTime(nn.Module):
    """The base of layers that take the whole sequence `[T, N, *]`, not its steps as one batch."""

    # True for a layer with `forward(x, T)`, which may get a constant current as one step `[1, N, *]`.
    takes_constant: ClassVar[bool] = False


class TimeSequential(nn.Sequential, OverTime):
    """A chain of layers over a sequence `[T, N, *]`.

    Layers that are or contain a neuron (in multi-step mode) or an `OverTime` layer take the sequence as it is; so do
    nested chains. Any other layer is stateless and takes all steps as one batch, `[T * N, *]`.

    A constant current stays one step `[1, N, *]` up to the first neurons, so that stateless layers compute it once. A
    current is constant if `T` is given, or if all steps share one memory (stride 0 over T) and need no gradient.

    Raises:
        ValueError: a neuron in single-step mode, or an `nn.Sequential` with neurons inside; both would mistake the
            batch for time. Or the input has more than one step, and their number is not `T`.
    """

    takes_constant = True

    def forward(self, x: Tensor, T: int | None = None) -> Tensor:
        """Return the output of the last layer, `[T, N, *]`.

        Args:
            x: `[T, N, *]`, or with `T` given `[1, N, *]`, the same at each of T steps. The output is then also
                `[1, N, *]` if no layer has a state.
        """
        steps = steps_of(x, T)
        if T is None and is_repeated(x):
            x = x[:1]
        for layer in self:
            if not _takes_time(layer):
                x = over_steps(layer, x)
            elif len(x) < steps and _takes_constant(layer):
                x = layer(x, steps)
            else:
                x = layer(x.expand(steps, *x.shape[1:]))
        return x if T is not None else x.expand(steps, *x.shape[1:])


def over_steps(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a stateless layer to every step of `x` `[T, N, *]`, as one batch."""
    steps: Tensor = torch.unflatten(layer(x.flatten(0, 1)), 0, x.shape[:2])
    return steps


def _takes_constant(layer: nn.Module) -> bool:
    return isinstance(layer, BaseNode) or (isinstance(layer, OverTime) and layer.takes_constant)


def _takes_time(layer: nn.Module) -> bool:
    if isinstance(layer, BaseNode) and layer.step_mode != "m":
        raise ValueError(f"a TimeSequential needs neurons with step_mode='m', not {layer.step_mode!r}")
    timed = any(isinstance(module, BaseNode | OverTime) for module in layer.modules())
    if timed and type(layer) is nn.Sequential:
        raise ValueError("an nn.Sequential inside a TimeSequential holds neurons: make it a TimeSequential too")
    return timed
