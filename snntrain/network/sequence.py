"""How layers meet time: stateless layers see T steps as one large batch, and a constant input only once."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from snntrain.neuron import BaseNode


class OverTime(nn.Module):
    """Base of the layers that take the whole sequence `[T, N, *]`, not its steps as one batch."""


class TimeSequential(nn.Sequential, OverTime):
    """A chain of layers over a sequence `[T, N, *]`.

    Layers that are or hold a neuron (in multi-step mode) or an `OverTime` layer take the sequence as it is; so do
    nested chains. Any other layer is stateless and meets all steps as one batch, `[T * N, *]`.

    A constant current, whose steps are the same memory (stride 0 over T), is held as its one step `[1, N, *]` up to
    the first neurons: what is stateless computes it once.

    Raises:
        ValueError: a neuron in single-step mode, or a plain `nn.Sequential` with neurons inside; both would take the
            batch for time.
    """

    def forward(self, x: Tensor) -> Tensor:
        T = len(x)
        if x.stride(0) == 0:
            x = x[:1]
        for layer in self:
            if not _takes_time(layer):
                x = over_steps(layer, x)
            elif isinstance(layer, BaseNode) and len(x) < T:
                x = layer(x, T)
            else:
                x = layer(x.expand(T, *x.shape[1:]))
        return x.expand(T, *x.shape[1:])


def over_steps(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A stateless layer applied to every step of `x` `[T, N, *]`, which it gets as one batch."""
    steps: Tensor = torch.unflatten(layer(x.flatten(0, 1)), 0, x.shape[:2])
    return steps


def _takes_time(layer: nn.Module) -> bool:
    if isinstance(layer, BaseNode) and layer.step_mode != "m":
        raise ValueError(f"a TimeSequential needs neurons with step_mode='m', not {layer.step_mode!r}")
    timed = any(isinstance(module, BaseNode | OverTime) for module in layer.modules())
    if timed and type(layer) is nn.Sequential:
        raise ValueError("an nn.Sequential inside a TimeSequential holds neurons: make it a TimeSequential too")
    return timed
