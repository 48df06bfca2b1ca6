"""Mixup (Zhang et al., 2018) and CutMix (Yun et al., 2019): each sample of a batch is mixed with another one of it.

The partners are found by turning the batch around: the first sample has the last one. A batch of several processes is
the same batch, so a process also reads the partners of its rows.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.data.augment.frames import rectangle


def draw(
    rng: np.random.Generator,
    samples: int,
    size: tuple[int, int],
    *,
    mixup: float,
    cutmix: float,
    switch: float,
    probability: float = 1.0,
) -> NDArray[np.float64]:
    """Draw how each sample of a batch is mixed: all by mixup, all by CutMix, or none.

    Returns:
        The partner's part in the label and in the pixels, and the partner's rectangle: first row, first column, rows,
        columns; `[samples, 6]`.

    Args:
        rng: draws the numbers.
        samples: samples of the batch.
        size: height and width in pixels.
        mixup, cutmix: parameter of the beta distribution from which the partner's part is drawn; 0 for never.
        switch: probability of CutMix if both are given.
        probability: that the batch is mixed. In one that is not, the partners' parts are 0.
    """
    if probability < 1 and rng.random() >= probability:
        return np.zeros((samples, 6))
    cuts = rng.random() < (switch if mixup and cutmix else float(cutmix > 0))
    alpha = cutmix if cuts else mixup
    part = rng.beta(alpha, alpha, size=samples)
    middle = np.floor(rng.random((samples, 2)) * size)
    drawn = np.zeros((samples, 6))
    if not cuts:
        drawn[:, 0] = drawn[:, 1] = part
        return drawn
    half = np.floor(np.sqrt(part)[:, None] * size) // 2
    first, end = np.maximum(middle - half, 0), np.minimum(middle + half, size)
    drawn[:, 0] = (end - first).prod(1) / (size[0] * size[1])
    drawn[:, 2:4], drawn[:, 4:] = first, end - first
    return drawn


def mix(x: Tensor, partners: Tensor, drawn: Tensor, *, cuts: bool) -> Tensor:
    """Return mixed samples. Nothing waits for the device.

    Args:
        x: float32 `[N, C, H, W]`, `[T, N, C, H, W]` or `[T, N, units]`.
        partners: the partner of each sample, like x.
        drawn: from `draw`, float32 `[N, 6]`, on the device of x.
        cuts: whether there may be rectangles.
    """
    mixed = x + (partners - x) * drawn[:, 1].view(-1, *[1] * (1 if x.ndim == 3 else 3))
    if not cuts:
        return mixed
    inside = rectangle(*x.shape[-2:], *drawn[:, 2:].unbind(1)).unsqueeze(1)
    return torch.where(inside, partners, mixed)


def targets(labels: Tensor, of_partners: Tensor, part: Tensor, classes: int) -> Tensor:
    """Return the probability of each class, float32 `[N, classes]`.

    Args:
        labels: class of each sample, int64 `[N]`.
        of_partners: class of each partner, int64 `[N]`.
        part: the partner's part, float32 `[N]`.
        classes: number of classes.
    """
    # Not F.one_hot: on a CPU it reads the labels to check them, and cannot be recorded.
    every = torch.arange(classes, device=labels.device)
    one, other = ((every == each.unsqueeze(1)).float() for each in (labels, of_partners))
    return one * (1 - part).unsqueeze(1) + other * part.unsqueeze(1)
