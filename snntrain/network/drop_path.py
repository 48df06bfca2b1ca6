"""Stochastic depth: whole residual branches are dropped in training."""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor

from snntrain.data.share import own_rows
from snntrain.network.head import Layers
from snntrain.network.sequence import OverTime


class DropPath(OverTime):
    """The end of a residual branch that is dropped for some samples, at all steps (Huang et al., ECCV 2016).

    The branches that stay are multiplied by 1 / (1 - p), so that the mean is the same in evaluation, where none is
    dropped.

    Args:
        p: probability of dropping, in [0, 1).

    Raises:
        ValueError: a probability outside [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"drop_path must lie in [0, 1), not {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Return a sequence of the same shape, `[T, N, *]`."""
        if not self.training or self.p == 0:
            return x
        ones = [1] * (x.ndim - 2)
        return x * own_rows(lambda rows: F.dropout(x.new_ones(rows, *ones), self.p), x.shape[1])

    def extra_repr(self) -> str:
        return f"p={self.p}"


def rising(drop_path: float, blocks: int) -> list[float]:
    """Return the probability of each block, which rises linearly from 0 in the first to `drop_path` in the last.

    Raises:
        ValueError: a probability outside [0, 1).
    """
    if not 0 <= drop_path < 1:
        raise ValueError(f"drop_path must lie in [0, 1), not {drop_path}")
    return [drop_path * index / max(1, blocks - 1) for index in range(blocks)]


def dropping(p: float) -> Layers:
    """Return the layer `drop_path` for the end of a branch; without layers if nothing is dropped."""
    return OrderedDict(drop_path=DropPath(p)) if p else OrderedDict()
