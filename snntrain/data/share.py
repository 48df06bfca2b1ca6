"""The share of a batch: the rows that one of several processes computes.

Random numbers are drawn for the whole batch by each process, and each takes those of its rows: so the result does not
depend on the number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Share:
    """Some rows of a batch.

    Args:
        rows: number of rows of the whole batch.
        start, stop: this process has the rows from `start` to `stop`, which may be none.
    """

    rows: int
    start: int
    stop: int

    @classmethod
    def of(cls, rows: int, rank: int, size: int) -> Share:
        """Return the share of process `rank` of `size`: the shares differ by one row at most."""
        each, left = divmod(rows, size)
        start = rank * each + min(rank, left)
        return cls(rows, start, start + each + (rank < left))

    @property
    def count(self) -> int:
        """The number of rows in the share."""
        return self.stop - self.start

    @property
    def weight(self) -> float:
        """The share as a part of the batch, in [0, 1]."""
        return self.count / self.rows


_current: ContextVar[Share | None] = ContextVar("share", default=None)


@contextmanager
def computing(share: Share | None) -> Iterator[None]:
    """Compute the rows of `share` in the block; None if this process has the whole batch."""
    token = _current.set(share)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Share | None:
    """Return the share that is computed now; None if this process has the whole batch."""
    return _current.get()


def own_rows(draw: Callable[[int], Tensor], rows: int, dim: int = 0) -> Tensor:
    """Draw random numbers for the whole batch, and return those of this process.

    Args:
        draw: returns random numbers for a number of rows.
        rows: number of rows that this process computes.
        dim: the dimension of the rows in the result of `draw`.
    """
    share = _current.get()
    if share is None or rows != share.count:
        return draw(rows)
    return draw(share.rows).narrow(dim, share.start, rows)
