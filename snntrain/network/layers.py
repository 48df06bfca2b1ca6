"""Layers that take whole sequences."""

import torch
import torch.nn.functional as F
from torch import Tensor

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
        return x * F.dropout(torch.ones_like(x[0]), self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


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
