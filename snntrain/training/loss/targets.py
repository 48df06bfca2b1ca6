"""Labels as targets, and means over samples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def checked_smoothing(label_smoothing: float) -> float:
    """Return the share of the target that is spread over all classes.

    Raises:
        ValueError: it is outside [0, 1).
    """
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing must lie in [0, 1), not {label_smoothing}")
    return label_smoothing


def targets(labels: Tensor, like: Tensor, label_smoothing: float) -> Tensor:
    """Return the target of each class, with the shape `[N, classes]` and the dtype of `like`.

    Args:
        labels: classes, int64 `[N]`, or probabilities `[N, classes]`.
        like: the scores that are compared with the targets.
        label_smoothing: share of the target that is spread over all classes.
    """
    if labels.is_floating_point():
        target = labels.to(like.dtype)
    else:
        # Not F.one_hot: on a CPU it reads the labels to check them, and cannot be recorded.
        target = torch.zeros_like(like).scatter_(1, labels.unsqueeze(1), 1.0)
    return (1 - label_smoothing) * target + label_smoothing / like.shape[1] if label_smoothing else target


def cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float, reduction: str = "none") -> Tensor:
    """Return the cross entropy of each sample `[N]`, or their mean with `reduction` 'mean'; arguments as in `targets`.

    Args:
        logits: `[N, classes]`.
    """
    if labels.is_floating_point():
        labels = labels.to(logits.dtype)
    return F.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction=reduction)


def mean_of(each: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of the losses of the samples `[N]`, each multiplied by its weight if there are weights."""
    return each.mean() if weights is None else (each * weights).mean()
