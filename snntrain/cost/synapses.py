"""Synaptic operations of a layer with weights, from all the inputs that it was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
# Up to here bfloat16 has every whole number.
EXACT = 256
KINDS: tuple[type[nn.Module], ...] = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Operations:
    """Sums over all calls of a layer; `spiking` where each of its inputs was 0 or ±1."""

    effective: int
    dense: int
    spiking: bool


class Synapses:
    """Remembers of a linear or convolutional `layer` how often each of its inputs was not zero.

    The sums stay on the device, so that nothing waits for them before `operations()`.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        # By the shape of an input: how many there were, and of each position those with something there.
        self.inputs: dict[torch.Size, int] = {}
        self.active: dict[torch.Size, Tensor] = {}
        self.analog: Tensor | None = None

    def add(self, x: Tensor) -> None:
        """Takes a call's inputs: `[*, features]` of a linear layer, `[N, C, *]` of a convolution."""
        shape = x.shape[1 - self.layer.weight.ndim :]
        # Channels last, the order that they lie in, so that this copies nothing.
        rows = x.detach().reshape(-1, *shape).movedim(1, -1).flatten(1)
        flags = torch.ne(rows, 0, out=torch.empty_like(rows))
        active = _column_counts(flags)
        # Where an input is neither 0 nor ±1.
        analog = _column_counts(torch.ne(rows.abs(), flags, out=flags)).any()
        self.inputs[shape] = self.inputs.get(shape, 0) + len(rows)
        self.active[shape] = active + self.active.get(shape, 0)
        self.analog = analog if self.analog is None else self.analog | analog

    def operations(self) -> Operations | None:
        """What the layer did; None where it was never called, since what else may use its weights is not known."""
        if self.analog is None:
            return None
        weight = self.layer.weight.detach()
        effective = dense = 0
        for shape, count in self.inputs.items():
            fan = fan_out(self.layer, shape, weight != 0).movedim(0, -1).flatten()
            effective += int((self.active[shape] * fan).sum().item())
            dense += count * int(fan_out(self.layer, shape, torch.ones_like(weight)).sum().item())
        return Operations(effective, dense, spiking=not self.analog.item())


def _column_counts(flags: Tensor) -> Tensor:
    """How many of each column of `flags`, 0 or 1, are 1, float64.

    By products with ones, on a CPU thirty times as fast as a sum over rows.
    """
    with torch.autocast(flags.device.type, enabled=False):
        parts = [flags.new_ones(len(part)) @ part for part in flags.split(EXACT)]
    return torch.stack(parts).sum(0, dtype=torch.float64)


def can_be_counted(layer: nn.Module) -> TypeGuard[Layer]:
    """Whether it is one of `KINDS` and computes as they do: a subclass with a forward of its own may do anything."""
    return any(isinstance(layer, kind) and type(layer).forward is kind.forward for kind in KINDS)


def fan_out(layer: Layer, shape: torch.Size, weight: Tensor) -> Tensor:
    """How many operations each input `[features]` or `[C, *]` takes part in, where `weight` is 1 or True for one.

    It is the gradient of the sum of all outputs in that input: stride, padding, dilation and groups of a convolution
    are in it.
    """
    with torch.enable_grad():
        x = torch.ones(1, *shape, dtype=torch.float64, device=weight.device, requires_grad=True)
        if isinstance(layer, nn.Linear):
            y = F.linear(x, weight.double())
        else:
            # With the layer's padding, whatever kind it is; functional_call would not heed a pruned layer's weight.
            y = layer._conv_forward(x, weight.double(), None)
        (fan,) = torch.autograd.grad(y.sum(), x)
    sizes: Tensor = fan[0]
    return sizes
