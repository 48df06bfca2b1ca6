"""The call of a loss, and what a loss must take."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from torch import Tensor, nn

from snntrain.data.batch import Batch
from snntrain.data.dataset import Data
from snntrain.errors import UserError
from snntrain.network.readout import Readout

OURS = "loss=mse_rate, ce_rate, ce, tet or mse_votes"


def loss_of(loss: nn.Module, output: Tensor, batch: Batch, readout: Readout | None = None) -> Tensor:
    """Return the loss of a network's output for a batch.

    A loss of the user's own may take output and labels alone: only sequences of different length need a third argument,
    only dataset.balance=loss needs weights, and only a loss with an argument `readout` gets the readout. Mixed samples
    have probabilities in place of labels.
    """
    lengths = () if batch.lengths is None else (batch.lengths,)
    more: dict[str, Any] = {} if batch.weights is None else {"weights": batch.weights}
    if readout is not None and _takes_readout(type(loss).forward):
        more["readout"] = readout
    labels = batch.labels if batch.targets is None else batch.targets
    value: Tensor = loss(output, labels, *lengths, **more)
    return value


@cache
def _takes_readout(forward: Callable[..., Any]) -> bool:
    return "readout" in inspect.signature(forward).parameters


def check_lengths(loss: nn.Module, data: Data) -> None:
    """Check that a loss can leave out the padding of sequences of different length.

    Raises:
        UserError: the loss takes output and labels alone.
    """
    try:
        inspect.signature(loss.forward).bind("output", "labels", "lengths")
    except TypeError:
        raise UserError(
            f"loss={type(loss).__name__}: the sequences of {data.name} have different lengths, and this loss takes "
            f"none; use {OURS}, or give its forward a third argument, lengths"
        ) from None


def check_weights(loss: nn.Module) -> None:
    """Check that a loss can weigh the samples, for dataset.balance=loss.

    Raises:
        UserError: it takes no argument `weights`.
    """
    try:
        inspect.signature(loss.forward).bind("output", "labels", weights="weights")
    except TypeError:
        raise UserError(
            f"dataset.balance=loss: loss={type(loss).__name__} takes no weights; use {OURS}, or "
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
            f"of labels, and it does not declare that it takes them; use {OURS}, or take them in its forward and give "
            "its class takes_probabilities = True"
        )
