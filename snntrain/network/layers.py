"""Layers that take whole sequences."""

import torch
import torch.nn.functional as F
from torch import Tensor

from snntrain.data.share import own_rows
from snntrain.network.sequence import OverTime


class TimeDropout(OverTime):
    """Dropout with one mask for all time steps: a neuron is dropped at all steps or at none.

    Args:
        p: probability of dropping, in [0, 1).

    Raises:
        ValueError: a probability outside [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout must lie in [0, 1), not {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Return a sequence of the same shape, `[T, N, *]`."""
        if not self.training or self.p == 0:
            return x
        return x * own_rows(lambda rows: F.dropout(ones_of(x[0], rows), self.p), x.shape[1])

    def extra_repr(self) -> str:
        return f"p={self.p}"


def ones_of(x: Tensor, rows: int) -> Tensor:
    """Return ones with the dtype, the device and the memory order of `x` `[N, *]`, but another number of rows."""
    if rows == len(x):
        return torch.ones_like(x)
    ones = x.new_ones(rows, *x.shape[1:])
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous():
        return ones.contiguous(memory_format=torch.channels_last)
    return ones


class Vote(OverTime):
    """The mean of the `votes` output neurons of each class (Fang et al., ICCV 2021).

    Args:
        votes: neurons per class; the neurons of a class are contiguous.

    Raises:
        ValueError: fewer than one vote.
    """

    def __init__(self, votes: int) -> None:
        super().__init__()
        if votes < 1:
            raise ValueError(f"votes must be at least 1, not {votes}")
        self.votes = votes

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, N, classes * votes]` to `[T, N, classes]`, float32 at least: half precision rounds means."""
        ballots: Tensor = x.unflatten(2, (-1, self.votes))
        return ballots.mean(3, dtype=torch.promote_types(x.dtype, torch.float32))

    def extra_repr(self) -> str:
        return f"votes={self.votes}"
