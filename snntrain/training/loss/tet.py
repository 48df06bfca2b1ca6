"""The loss of temporal efficient training."""

import math

import torch
from torch import Tensor, nn

from snntrain.network.readout import mean_over_time, without_padding
from snntrain.training.loss.targets import checked_smoothing, cross_entropy, mean_of


class TET(nn.Module):
    """Temporal efficient training: the cross entropy at each step, averaged over time (Deng et al., ICLR 2022).

    The loss is `(1 - mse_weight) * mean_t CE(output_t, label) + mse_weight * mean_t MSE(output_t, mse_target)`. The
    means are over the valid steps, and MSE also over the classes. The output is used as it is: currents in the paper.

    Args:
        mse_weight: λ of the paper, in [0, 1].
        mse_target: φ of the paper, the threshold of its neurons.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).

    Raises:
        ValueError: `mse_weight` is outside [0, 1], `mse_target` is not finite, or `label_smoothing` is outside [0, 1).
    """

    takes_probabilities = True

    def __init__(self, mse_weight: float = 0.001, mse_target: float = 1.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= mse_weight <= 1:
            raise ValueError(f"mse_weight must lie in [0, 1], not {mse_weight}")
        if not math.isfinite(mse_target):
            raise ValueError(f"mse_target must be a finite number, not {mse_target}")
        self.mse_weight, self.mse_target = mse_weight, mse_target
        self.label_smoothing = checked_smoothing(label_smoothing)

    def forward(
        self, output: Tensor, labels: Tensor, lengths: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        """Return the loss (float32 at least); arguments as in `snntrain.training.loss`."""
        logits = without_padding(output.to(torch.promote_types(output.dtype, torch.float32)), lengths)
        steps = len(logits)
        of_steps = labels.expand(steps, *labels.shape).flatten(0, 1)
        each = cross_entropy(logits.flatten(0, 1), of_steps, self.label_smoothing).unflatten(0, (steps, -1))
        if self.mse_weight:
            each = (1 - self.mse_weight) * each + self.mse_weight * (logits - self.mse_target).square().mean(2)
        return mean_of(mean_over_time(each, lengths), weights)
