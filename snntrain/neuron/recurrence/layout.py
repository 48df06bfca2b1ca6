"""Sequences as the executors see them: flat, `[T, M]`, the M neurons of a step in the order of memory.

The order is that of the input's steps, whatever it is (channels first, channels last); all else is brought into it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


class Layout:
    """The memory order of one step of a sequence.

    Args:
        x: the sequence, `[T, N, *]`.
    """

    def __init__(self, x: Tensor) -> None:
        self.shape = x.shape[1:]
        # empty_like keeps the order of dimensions and leaves out gaps and overlaps.
        self.strides = torch.empty_like(x[0], device="meta").stride()
        self.neurons = self.shape.numel()

    def empty(self, T: int, like: Tensor) -> Tensor:
        """A new sequence `[T, N, *]` in this order, with the dtype and device of `like`."""
        strides = (self.neurons, *self.strides)
        return torch.empty_strided((T, *self.shape), strides, dtype=like.dtype, device=like.device)

    def flat(self, sequence: Tensor) -> Tensor:
        """`[T, N, *]` as `[T, M]`; a view where the order is this one already, else a copy.

        A sequence whose steps are one memory (stride 0 over time) becomes `[1, M]`.
        """
        T = len(sequence)
        if T > 1 and sequence.stride(0) == 0:
            return self.flat(sequence[:1])
        if not self._is_in_order(sequence.stride()[1:]):
            sequence = self.empty(T, sequence).copy_(sequence)
        return sequence.as_strided((T, self.neurons), (sequence.stride(0), 1))

    def flat_step(self, values: Tensor) -> Tensor:
        """One number, or what broadcasts over a step `[N, *]`, as `[1]` or `[M]`."""
        if values.numel() == 1:
            return values.reshape(1)
        return self.flat(values.expand(self.shape).unsqueeze(0))[0]

    def unflat_step(self, values: Tensor) -> Tensor:
        """`[M]` as `[N, *]`, a view."""
        return values.as_strided(self.shape, self.strides)

    def _is_in_order(self, strides: Sequence[int]) -> bool:
        return all(n == 1 or own == other for n, own, other in zip(self.shape, self.strides, strides, strict=True))
