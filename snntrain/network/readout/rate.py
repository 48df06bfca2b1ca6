"""The readout of spikes: the class with the most spikes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snntrain.network.readout.chain import votes_of
from snntrain.network.readout.decision import Decision, comparable, decision
from snntrain.network.readout.over_time import mean_over_time, without_padding
from snntrain.network.readout.readout import Readout


class Rate(Readout):
    """Spiking output neurons; the score of a class is its firing rate.

    Spikes are counted as integers: sums of the votes' averages, as floats, could break a tie by their rounding. The
    output of another network, which may have any values, is summed over the steps as it is.

    Args:
        votes: spiking neurons per class, averaged in the output; None if the output may have other values than spikes.
    """

    picture = "spike_counts"

    def __init__(self, votes: int | None = None) -> None:
        super().__init__()
        self.votes = votes
        self.meaning = "output" if votes is None else "output spikes"

    def of(self, network: nn.Module) -> Rate:
        """Return the readout with the votes of a network, see `votes_of`."""
        return Rate(votes_of(network))

    def scores(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the firing rates, `[N, classes]`; arguments as in `Readout.scores`."""
        return mean_over_time(output, lengths)

    def decide(self, output: Tensor, lengths: Tensor | None = None) -> Decision:
        """Return the class of each image; the result is the same on every device, and nothing waits for a GPU."""
        output = without_padding(output.detach(), lengths)
        if self.votes is None:
            # NaN is never the greatest.
            return decision(comparable(output.sum(0, dtype=torch.float64)))
        return decision((output * self.votes).round().sum(0, dtype=torch.int64))

    def extra_repr(self) -> str:
        return f"votes={self.votes}"
