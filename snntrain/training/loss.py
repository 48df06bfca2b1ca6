"""Losses on the mean firing rate of the output neurons over time."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MSERate(nn.Module):
    """Mean squared error between firing rates and one-hot labels (Fang et al., ICCV 2021)."""

    def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
        """Loss (float32) of output spikes `[T, N, classes]` and labels `[N]`."""
        rates = spikes.float().mean(0)
        # Not F.one_hot: on a CPU it reads the labels to check them, and cannot be recorded.
        return F.mse_loss(rates, torch.zeros_like(rates).scatter_(1, labels.unsqueeze(1), 1.0))


class CERate(nn.Module):
    """Cross entropy of firing rates taken as logits.

    Args:
        scale: multiplies the rates, which lie in [0, 1]: with logits that close together no class could win.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).

    Raises:
        ValueError: a scale that is no positive number, or a label smoothing outside [0, 1).
    """

    def __init__(self, scale: float = 10.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not (scale > 0 and math.isfinite(scale)):
            raise ValueError(f"scale must be a positive number, not {scale}")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must lie in [0, 1), not {label_smoothing}")
        self.scale = scale
        self.label_smoothing = label_smoothing

    def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
        """Loss (float32) of output spikes `[T, N, classes]` and labels `[N]`."""
        return F.cross_entropy(self.scale * spikes.float().mean(0), labels, label_smoothing=self.label_smoothing)
