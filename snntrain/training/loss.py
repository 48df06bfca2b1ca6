"""Losses on the mean firing rate of the output neurons over time, and the call of a loss."""

import inspect
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snntrain.data.batch import Batch
from snntrain.data.dataset import Data
from snntrain.errors import UserError
from snntrain.network.readout import mean_over_time


class MSERate(nn.Module):
    """Mean squared error between firing rates and one-hot labels (Fang et al., ICCV 2021)."""

    takes_probabilities = True

    def forward(
        self, spikes: Tensor, labels: Tensor, lengths: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        """Return the loss (float32) of output spikes `[T, N, classes]`, labels `[N]` and sequences of `lengths`.

        The labels are classes, int64 `[N]`, or probabilities, float32 `[N, classes]`.

        With `weights` `[N]` it is the sum of the weighted losses of the samples, divided by N.
        """
        rates = mean_over_time(spikes, lengths)
        # Not F.one_hot: on a CPU it reads the labels to check them, and cannot be recorded.
        is_mixed = labels.ndim == 2
        target = labels if is_mixed else torch.zeros_like(rates).scatter_(1, labels.unsqueeze(1), 1.0)
        if weights is None:
            return F.mse_loss(rates, target)
        return (F.mse_loss(rates, target, reduction="none").mean(1) * weights).mean()


class CERate(nn.Module):
    """Cross entropy with firing rates as logits.

    Args:
        scale: factor of the rates: rates in [0, 1] are too close together to serve as logits.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).

    Raises:
        ValueError: `scale` is not a positive number, or `label_smoothing` is outside [0, 1).
    """

    takes_probabilities = True

    def __init__(self, scale: float = 10.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not (scale > 0 and math.isfinite(scale)):
            raise ValueError(f"scale must be a positive number, not {scale}")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must lie in [0, 1), not {label_smoothing}")
        self.scale = scale
        self.label_smoothing = label_smoothing

    def forward(
        self, spikes: Tensor, labels: Tensor, lengths: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        """Return the loss (float32) of output spikes `[T, N, classes]`, labels `[N]` and sequences of `lengths`.

        The labels are classes, int64 `[N]`, or probabilities, float32 `[N, classes]`.

        With `weights` `[N]` it is the sum of the weighted losses of the samples, divided by N.
        """
        logits = self.scale * mean_over_time(spikes, lengths)
        if weights is None:
            return F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        each = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing, reduction="none")
        return (each * weights).mean()


def loss_of(loss: nn.Module, spikes: Tensor, batch: Batch) -> Tensor:
    """Return the loss of a network's output for a batch.

    A loss of the user's own may take spikes and labels alone: only sequences of different length need a third argument,
    and only dataset.balance=loss needs weights. Mixed samples have probabilities in place of labels.
    """
    lengths = () if batch.lengths is None else (batch.lengths,)
    weights = {} if batch.weights is None else {"weights": batch.weights}
    labels = batch.labels if batch.targets is None else batch.targets
    value: Tensor = loss(spikes, labels, *lengths, **weights)
    return value


def check_lengths(loss: nn.Module, data: Data) -> None:
    """Check that a loss can leave out the padding of sequences of different length.

    Raises:
        UserError: the loss takes spikes and labels alone.
    """
    try:
        inspect.signature(loss.forward).bind("spikes", "labels", "lengths")
    except TypeError:
        raise UserError(
            f"loss={type(loss).__name__}: the sequences of {data.name} have different lengths, and this loss takes "
            "none; use loss=ce_rate or loss=mse_rate, or give its forward a third argument, lengths"
        ) from None


def check_weights(loss: nn.Module) -> None:
    """Check that a loss can weigh the samples, for dataset.balance=loss.

    Raises:
        UserError: it takes no argument `weights`.
    """
    try:
        inspect.signature(loss.forward).bind("spikes", "labels", weights="weights")
    except TypeError:
        raise UserError(
            f"dataset.balance=loss: loss={type(loss).__name__} takes no weights; use loss=ce_rate, loss=mse_rate or "
            "dataset.balance=sampler, or give its forward an argument weights, one number for each sample"
        ) from None


def check_probabilities(loss: nn.Module) -> None:
    """Check that a loss can take the probabilities of mixed samples, `[N, classes]`, in place of labels.

    A loss declares it by the attribute `takes_probabilities`: called with probabilities, it could also fail late, or
    compute something else.

    Raises:
        UserError: it does not declare it.
    """
    if getattr(loss, "takes_probabilities", False) is not True:
        raise UserError(
            f"loss={type(loss).__name__}: dataset.augment.mixup and cutmix give it probabilities [N, classes] in place "
            "of labels, and it does not declare that it takes them; use loss=ce_rate or loss=mse_rate, or take them "
            "in its forward and give its class takes_probabilities = True"
        )
