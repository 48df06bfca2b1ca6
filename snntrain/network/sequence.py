"""How layers meet time: stateless layers see T steps as one large batch, and a constant input only once."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from snntrain.neuron import BaseNode


class OverTime(nn.Module):
    """Base of the layers that take the whole sequence `[T, N, *]`, not its steps as one batch."""


class TimeSequential(nn.Sequential, OverTime):
    """A chain of layers over a sequence `[T, N, *]`.

    Layers that are or hold a neuron (in multi-step mode) or an `OverTime` layer take the sequence as it is; so do
    nested chains. Any other layer is stateless and meets the steps as `over_steps` says.

    Raises:
        ValueError: a neuron in single-step mode, or a plain `nn.Sequential` with neurons inside; both would take the
            batch for time.
    """

    def forward(self, x: Tensor) -> Tensor:
        stateless: list[nn.Module] = []
        for layer in self:
            if _takes_time(layer):
                x = layer(over_steps(stateless, x))
                stateless = []
            else:
                stateless.append(layer)
        return over_steps(stateless, x)


def over_steps(layers: Sequence[Callable[[Tensor], Tensor]], x: Tensor) -> Tensor:
    """Stateless layers, one after the other, applied to every step of `x` `[T, N, *]`.

    They get all steps as one batch, `[T * N, *]`. Where the steps are the same memory (stride 0 over T, as a constant
    current is), they get that one step, `[N, *]`, and the output is one step again at every t, not copied.
    """
    if not layers:
        return x
    T, N = x.shape[:2]
    constant = T == 1 or x.stride(0) == 0
    y = x[0] if constant else x.flatten(0, 1)
    for layer in layers:
        y = layer(y)
    return y.expand(T, *y.shape) if constant else torch.unflatten(y, 0, (T, N))


def _takes_time(layer: nn.Module) -> bool:
    if isinstance(layer, BaseNode) and layer.step_mode != "m":
        raise ValueError(f"a TimeSequential needs neurons with step_mode='m', not {layer.step_mode!r}")
    timed = any(isinstance(module, BaseNode | OverTime) for module in layer.modules())
    if timed and type(layer) is nn.Sequential:
        raise ValueError("an nn.Sequential inside a TimeSequential holds neurons: make it a TimeSequential too")
    return timed
