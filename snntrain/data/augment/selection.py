"""A change of some samples of a batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def only(made: Tensor, x: Tensor, change: Callable[..., Tensor], *of_samples: Tensor) -> Tensor:
    """Return samples of which some are changed; to the bit the same on both ways.

    A CPU changes those samples alone. A GPU, for which the host does not wait, changes all and takes what is wanted.

    Args:
        made: the samples to change, bool `[N]`.
        x: the samples, `[N, *]`.
        change: returns changed samples. Its arguments are rows of x and of each of `of_samples`.
        of_samples: further arguments, each with N rows.
    """
    if host_selects(made.device):
        rows = made.nonzero().squeeze(1)
        return x.index_copy(0, rows, change(x[rows], *(each[rows] for each in of_samples))) if len(rows) else x
    return torch.where(made.view(-1, *[1] * (x.ndim - 1)), change(x, *of_samples), x)


def host_selects(device: torch.device) -> bool:
    """Return whether the host may read which samples are meant without waiting for a device."""
    return device.type == "cpu"
