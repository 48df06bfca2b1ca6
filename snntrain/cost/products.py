"""Operations of a product of two matrices of spikes, as in attention, counted over all its inputs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from snntrain.cost.synapses import Operations
from snntrain.data.padding import ValidSteps


class Products:
    """A count of the products of two non-zero elements in `a @ b`, without padding.

    They are accumulates if one of the factors was 0 or ±1 in all calls: the other is then added or left out. The sums
    stay on the device, so nothing waits for them before `operations()`.
    """

    def __init__(self) -> None:
        self.effective: Tensor | None = None
        self.dense: int | Tensor = 0
        # Whether a, and whether b, had an element that is neither 0 nor ±1.
        self.analog: Tensor | None = None
        self._valid_steps = ValidSteps()

    def add(self, a: Tensor, b: Tensor) -> None:
        """Add a call with `[T, N, *, rows, inner]` and `[T, N, *, inner, columns]`."""
        a, b = a.detach(), b.detach()
        valid = self._valid_steps.of_call(*a.shape[:2])
        # Each non-zero element of column k of a meets each of row k of b.
        meetings = (_count(a, -2) * _count(b, -1)).flatten(2).sum(2)
        dense = a.shape[2:].numel() * b.shape[-1]
        analog = torch.stack([_analog(a, valid), _analog(b, valid)])
        if valid is not None:
            meetings = meetings.masked_fill(~valid, 0)
        self.dense = self.dense + dense * (meetings.numel() if valid is None else valid.sum())
        self.effective = meetings.sum() + (0 if self.effective is None else self.effective)
        self.analog = analog if self.analog is None else self.analog | analog

    def add_up(self, sum_over_all: Callable[[Tensor], Tensor]) -> None:
        """Add up the counts of all processes; `sum_over_all` adds up a tensor in place."""
        if self.analog is None or self.effective is None:
            return
        self.effective = sum_over_all(self.effective)
        self.dense = int(sum_over_all(torch.as_tensor(self.dense, device=self.analog.device).clone()))
        self.analog = sum_over_all(self.analog.int()) > 0

    def operations(self) -> Operations | None:
        """Return the operations; None if there was no call."""
        if self.analog is None or self.effective is None:
            return None
        return Operations(int(self.effective.item()), int(self.dense), spiking=not bool(self.analog.all()))


def _count(matrix: Tensor, dim: int) -> Tensor:
    return (matrix != 0).sum(dim, dtype=torch.float64)


def _analog(matrix: Tensor, valid: Tensor | None) -> Tensor:
    """Return whether a valid element is neither 0 nor ±1, a bool without dimensions."""
    size = matrix.abs()
    values = ((size != 0) & (size != 1)).flatten(2).any(2)
    return values.any() if valid is None else (values & valid).any()
