"""Classes of different size: weights for the loss, and an order that draws each class equally often."""

from __future__ import annotations

import torch
from torch import Tensor


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """Return a weight for each class, inverse to its frequency, with mean 1 over the samples; float32 `[classes]`.

    A class without samples has weight 0. The mean is over all samples, not over those of a batch: several processes
    that share a batch then compute what one computes.

    Args:
        labels: class of each sample, int64 `[N]`.
        classes: number of classes.
    """
    counts = labels.bincount(minlength=classes)
    present = counts > 0
    weights = len(labels) / (present.sum() * counts.clamp(min=1)).double()
    return torch.where(present, weights, 0.0).float()


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Draw as many indices as there are samples, with replacement: first a class, each alike, then one of its samples.

    Args:
        labels: class of each sample, int64 `[N]`.
        generator: a CPU generator.
    """
    order = labels.argsort(stable=True)
    counts = labels.bincount()
    starts = counts.cumsum(0) - counts
    present = counts.nonzero().flatten()
    drawn = present[torch.randint(len(present), (len(labels),), generator=generator)]
    # In float64 the product stays below the count.
    within = (torch.rand(len(labels), generator=generator, dtype=torch.float64) * counts[drawn]).long()
    return order[starts[drawn] + within]
