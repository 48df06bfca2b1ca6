"""The padding of the batch that is computed now: layers and counters that average over time leave it out.

A network gets only the padded sequences. Layers that need the lengths, and hooks that count what layers do, find them
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Padding:
    """The valid time steps of a batch of sequences.

    Args:
        lengths: valid time steps of each sequence, int64 `[N]`.
        steps: the time steps T of the batch, with the padding.
    """

    lengths: Tensor
    steps: int

    def valid(self, start: int = 0, steps: int | None = None) -> Tensor:
        """Return which of some steps are valid, bool `[steps, N]`; of all of them by default."""
        count = self.steps if steps is None else steps
        return torch.arange(start, start + count, device=self.lengths.device).unsqueeze(1) < self.lengths


_current: ContextVar[Padding | None] = ContextVar("padding", default=None)


@contextmanager
def padded(x: Tensor, lengths: Tensor | None) -> Iterator[None]:
    """Compute a batch in the block.

    Args:
        x: the batch, `[T, N, *]` if it has lengths.
        lengths: valid time steps of each sequence, `[N]`; None if all are valid.
    """
    token = _current.set(None if lengths is None else Padding(lengths, len(x)))
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Padding | None:
    """Return the padding of the batch that is computed now; None if it has none."""
    return _current.get()


class ValidSteps:
    """The valid steps in each call of one layer, which may get a batch in one call or step by step."""

    def __init__(self) -> None:
        self._batch: Padding | None = None
        self._next = 0

    def of_call(self, steps: int, rows: int) -> Tensor | None:
        """Return which steps of this call are valid, bool `[steps, N]`; None if all are.

        Args:
            steps: the time steps of the call.
            rows: the rows of each step. With another number than the batch has, the layer does not compute the
                samples of the batch as they are, and all of its steps count.
        """
        padding = current()
        if padding is None or rows != len(padding.lengths):
            return None
        if padding is not self._batch or self._next + steps > padding.steps:
            self._batch, self._next = padding, 0
        if self._next + steps > padding.steps:
            return None
        start, self._next = self._next, self._next + steps
        return padding.valid(start, steps)

    def of_rows(self, rows: int) -> Tensor | None:
        """Return which rows of a call of a stateless layer are valid, bool `[rows]`; None if all are.

        Args:
            rows: the steps and samples of the call as one batch, time first; each may have several rows.
        """
        padding = current()
        if padding is None or not len(padding.lengths):
            return None
        samples = len(padding.lengths)
        steps = padding.steps if rows % (padding.steps * samples) == 0 else 1
        if rows % samples:
            return None
        valid, each = self.of_call(steps, samples), rows // (steps * samples)
        return None if valid is None else valid.unsqueeze(-1).expand(steps, samples, each).flatten()
