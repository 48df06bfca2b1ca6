"""The memory order of sequences: for executors, the M neurons of each step are contiguous.

The order is the order of the input's steps, such as channels first or channels last; other tensors are converted to it.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor


class Layout:
    """The memory order of one step of a sequence.

    Args:
        x: the sequence, `[T, N, *]`.

    Attributes:
        neurons: M, the neurons per step.
    """

    def __init__(self, x: Tensor) -> None:
        self.shape = x.shape[1:]
        self.strides = x.stride()[1:] if x.is_contiguous() else _strides(x[0])
        # Not Size.numel, which would fix the batch to its size during tracing.
        self.neurons = prod(self.shape)

    def empty(self, T: int, like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Return a new sequence `[T, N, *]` in this order, with the device and by default the dtype of `like`."""
        strides = (self.neurons, *self.strides)
        return torch.empty_strided((T, *self.shape), strides, dtype=dtype or like.dtype, device=like.device)

    def empty_step(self, like: Tensor) -> Tensor:
        """Return a new step `[N, *]`, with the dtype and device of `like`."""
        return torch.empty_strided(self.shape, self.strides, dtype=like.dtype, device=like.device)

    def ordered(self, sequence: Tensor) -> Tensor:
        """Return `[T, N, *]` itself if its steps are in this order, else a copy; steps in one memory remain so."""
        if self._is_ordered(sequence.stride()[1:]):
            return sequence
        T = sequence.shape[0]
        if T > 1 and sequence.stride(0) == 0:
            return self.empty(1, sequence).copy_(sequence[:1]).expand(sequence.shape)
        return self.empty(T, sequence).copy_(sequence)

    def ordered_step(self, values: Tensor) -> Tensor:
        """Return a tensor that broadcasts over a step as `[N, *]` in this order; a single number stays as it is."""
        if values.numel() == 1:
            return values
        values = values.expand(self.shape)
        return values if self._is_ordered(values.stride()) else self.empty_step(values).copy_(values)

    def _is_ordered(self, strides: tuple[int, ...]) -> bool:
        return strides == self.strides or all(
            n == 1 or own == other for n, own, other in zip(self.shape, self.strides, strides, strict=True)
        )


def _strides(step: Tensor) -> tuple[int, ...]:
    """Return the strides of the step without its gaps and overlaps."""
    if step.is_contiguous() or (step.ndim == 4 and step.is_contiguous(memory_format=torch.channels_last)):
        return step.stride()
    # empty_like keeps the order of dimensions.
    return torch.empty_like(step, device="meta").stride()
