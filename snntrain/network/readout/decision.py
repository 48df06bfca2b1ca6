"""The class with the greatest score, and ties."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Decision:
    """The class of each image.

    Args:
        scores: `[N, classes]`: spikes per class over all steps and votes, int64; or, if the output does not consist of
            spikes, the scores of the readout, float64.
        classes: the class with the greatest score, the first of equal ones, int64 `[N]`.
        tied: whether several classes share that score, bool `[N]`.
    """

    scores: Tensor
    classes: Tensor
    tied: Tensor


def decision(scores: Tensor) -> Decision:
    """Return the decision by scores `[N, classes]`, the same on every device; nothing waits for a GPU."""
    greatest = scores == scores.amax(1, keepdim=True)
    # With argmax the choice among equals depends on the device.
    numbers = torch.arange(scores.shape[1], device=scores.device)
    first = torch.where(greatest, numbers, len(numbers)).amin(1)
    return Decision(scores, first, greatest.sum(1) > 1)


def comparable(scores: Tensor) -> Tensor:
    """Return scores in which NaN is the least and infinities are finite, so that each row has a greatest one."""
    return scores.nan_to_num(-torch.inf, torch.inf, -torch.inf)
