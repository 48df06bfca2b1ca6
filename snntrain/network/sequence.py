"""How layers meet time: a stateless layer sees T steps as one large batch, and a constant input only once."""

import torch
from torch import Tensor, nn

from snntrain.neuron import BaseNode


class OverTime(nn.Module):
    """Base of the layers that take the whole sequence `[T, N, *]`, not its steps as one batch."""


class TimeSequential(nn.Sequential):
    """A chain of layers over a sequence `[T, N, *]`.

    Neurons (in multi-step mode), `OverTime` layers and nested chains take the sequence as it is. Any other layer is
    stateless: it gets `[T * N, *]`. Where all steps are the same memory (stride 0 over T, as a constant current is),
    it gets one step `[N, *]`, and its output is that step again at every t, not copied.
    """

    def forward(self, x: Tensor) -> Tensor:
        for layer in self:
            x = layer(x) if isinstance(layer, BaseNode | OverTime | TimeSequential) else over_steps(layer, x)
        return x


def over_steps(layer: nn.Module, x: Tensor) -> Tensor:
    """A stateless layer applied to each step of `x` `[T, N, *]`."""
    T, N = x.shape[:2]
    if x.stride(0) == 0 or T == 1:
        y: Tensor = layer(x[0])
        return y.unsqueeze(0).expand(T, *y.shape)
    return torch.unflatten(layer(x.flatten(0, 1)), 0, (T, N))
