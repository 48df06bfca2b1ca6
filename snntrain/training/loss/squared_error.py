"""Squared error of firing rates."""

import torch.nn.functional as F
from torch import Tensor, nn

from snntrain.network.readout import Rate, Readout
from snntrain.training.loss.targets import checked_smoothing, targets


class MSERate(nn.Module):
    """Mean squared error between firing rates and one-hot labels (Fang et al., ICCV 2021).

    Another readout gives its scores in place of firing rates, see `Readout.rates`.

    Args:
        label_smoothing: share of the target that is spread over all classes, in [0, 1).

    Raises:
        ValueError: `label_smoothing` is outside [0, 1).
    """

    takes_probabilities = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = checked_smoothing(label_smoothing)

    def forward(
        self,
        output: Tensor,
        labels: Tensor,
        lengths: Tensor | None = None,
        weights: Tensor | None = None,
        readout: Readout | None = None,
    ) -> Tensor:
        """Return the loss (float32 at least); arguments as in `snntrain.training.loss`, without a readout `Rate`."""
        rates = (readout or Rate()).rates(output, lengths)
        target = targets(labels, rates, self.label_smoothing)
        if weights is None:
            return F.mse_loss(rates, target)
        return (F.mse_loss(rates, target, reduction="none").mean(1) * weights).mean()
