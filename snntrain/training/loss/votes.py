"""Squared error of each output neuron."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from snntrain.network.readout import final_vote, mean_over_time
from snntrain.training.loss.targets import checked_smoothing, mean_of, targets


class MSEVotes(nn.Module):
    """Mean squared error between the firing rate of each output neuron and the target of its class.

    The mean is over all `classes * votes` output neurons, before their votes are averaged: unlike `MSERate`, it
    also moves the neurons of a class towards each other. Without a `Vote` at the end of the network both are the same.
    With another readout than `Rate` the potentials or currents of the output neurons take the place of their spikes.

    The output of a network has no single neurons any more: `watch` keeps the input of its final `Vote`.

    Args:
        label_smoothing: share of the target that is spread over all classes, in [0, 1).

    Raises:
        ValueError: `label_smoothing` is outside [0, 1).
    """

    takes_probabilities = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = checked_smoothing(label_smoothing)
        self._ballots: list[Tensor] = []

    def watch(self, network: nn.Module) -> None:
        """Keep the input of the final `Vote` of a network from each of its calls until the loss is computed."""
        if (vote := final_vote(network)) is not None:
            vote.register_forward_hook(_keeping(self._ballots))

    def forward(
        self, output: Tensor, labels: Tensor, lengths: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        """Return the loss (float32 at least); arguments as in `snntrain.training.loss`.

        Args:
            output: the output of the last call of the watched network.
        """
        ballots = self._ballots.pop() if self._ballots else output
        rates = mean_over_time(ballots, lengths).unflatten(1, (output.shape[2], -1))
        target = targets(labels, rates[:, :, 0], self.label_smoothing)
        each = F.mse_loss(rates, target.unsqueeze(2).expand_as(rates), reduction="none")
        return mean_of(each.mean((1, 2)), weights)


def _keeping(ballots: list[Tensor]) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
    # Not a method of the loss: a copy of the network would copy the loss with it.
    def keep(vote: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        ballots[:] = given[:1]

    return keep


def watch(loss: nn.Module, network: nn.Module) -> None:
    """Let a loss with a method `watch` follow a network."""
    if callable(own := getattr(loss, "watch", None)):
        own(network)
