"""Synaptic operations of a layer with weights, counted over all its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snntrain.data.padding import ValidSteps
from snntrain.network.delays import DelayedLinear
from snntrain.network.recurrent import Feedback

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
# bfloat16 is exact for integers up to this.
EXACT = 256
# A spike passes each synapse once, whatever its delay.
KINDS: tuple[type[nn.Module], ...] = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, DelayedLinear, Feedback)


@dataclass(frozen=True)
class Operations:
    """Sums over all calls of a layer; `spiking` if each of its inputs was 0 or ±1."""

    effective: int
    dense: int
    spiking: bool


class Synapses:
    """A count of how often each input of a linear or convolutional layer is not zero, without padding.

    The sums stay on the device, so nothing waits for them before `operations()`.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        # By the shape of an input: the number of inputs, on the device with padding, and at each position the number of
        # non-zero ones.
        self.inputs: dict[torch.Size, int | Tensor] = {}
        self.active: dict[torch.Size, Tensor] = {}
        self.analog: Tensor | None = None
        self._valid_steps = ValidSteps()

    def add(self, x: Tensor) -> None:
        """Add the inputs of a call: `[*, features]` for a linear layer, `[N, C, *]` for a convolution."""
        shape = x.shape[1 - self.layer.weight.ndim :]
        # Channels last is their memory order, so this copies nothing.
        rows = x.detach().reshape(-1, *shape).movedim(1, -1).flatten(1)
        valid = self._valid_steps.of_rows(len(rows))
        flags = torch.ne(rows, 0, out=torch.empty_like(rows))
        active = _column_counts(flags, valid)
        # Whether an input is neither 0 nor ±1.
        analog = _column_counts(torch.ne(rows.abs(), flags, out=flags), valid).any()
        self.inputs[shape] = self.inputs.get(shape, 0) + (len(rows) if valid is None else valid.sum())
        self.active[shape] = active + self.active.get(shape, 0)
        self.analog = analog if self.analog is None else self.analog | analog

    def add_up(self, sum_over_all: Callable[[Tensor], Tensor]) -> None:
        """Add up the counts of all processes; `sum_over_all` adds up a tensor in place."""
        if self.analog is None:
            return
        for shape, active in self.active.items():
            sum_over_all(active)
            self.inputs[shape] = int(sum_over_all(torch.as_tensor(self.inputs[shape], device=active.device).clone()))
        self.analog = sum_over_all(self.analog.int()) > 0

    def operations(self) -> Operations | None:
        """Return the operations of the layer; None if it was never called: another module may use its weights."""
        if self.analog is None:
            return None
        weight = self.layer.weight.detach()
        effective = dense = 0
        for shape, count in self.inputs.items():
            fan = fan_out(self.layer, shape, weight != 0).movedim(0, -1).flatten()
            effective += int((self.active[shape] * fan).sum().item())
            dense += int(count) * int(fan_out(self.layer, shape, torch.ones_like(weight)).sum().item())
        return Operations(effective, dense, spiking=not self.analog.item())


def _column_counts(flags: Tensor, valid: Tensor | None) -> Tensor:
    """Return the number of ones in each column of `flags`, whose values are 0 or 1; float64.

    The flags are multiplied by ones: on a CPU this is thirty times as fast as a sum over rows.

    Args:
        flags: `[rows, columns]`.
        valid: the rows that count, bool `[rows]`; None for all.
    """
    ones = flags.new_ones(len(flags)) if valid is None else valid.to(flags.dtype)
    with torch.autocast(flags.device.type, enabled=False):
        parts = [one @ part for one, part in zip(ones.split(EXACT), flags.split(EXACT), strict=True)]
    return torch.stack(parts).sum(0, dtype=torch.float64)


def can_be_counted(layer: nn.Module) -> TypeGuard[Layer]:
    """Return whether a layer computes like one of `KINDS`: a subclass with its own forward may do anything."""
    return any(isinstance(layer, kind) and type(layer).forward is kind.forward for kind in KINDS)


def fan_out(layer: Layer, shape: torch.Size, weight: Tensor) -> Tensor:
    """Return the number of operations of each input `[features]` or `[C, *]`; `weight` is 1 or True for each operation.

    This is the gradient of the sum of all outputs with respect to that input, which covers stride, padding, dilation
    and groups of a convolution.
    """
    with torch.enable_grad():
        x = torch.ones(1, *shape, dtype=torch.float64, device=weight.device, requires_grad=True)
        if isinstance(layer, nn.Linear):
            y = F.linear(x, weight.double())
        else:
            # Any kind of padding of the layer applies here; functional_call would ignore the weight of a pruned layer.
            y = layer._conv_forward(x, weight.double(), None)
        (fan,) = torch.autograd.grad(y.sum(), x)
    sizes: Tensor = fan[0]
    return sizes
