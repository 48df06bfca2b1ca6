"""Readouts: the rules from the output of a network to a class, shared by losses, training, eval and inspect."""

from torch import nn

from snntrain.network.readout.chain import final_vote, output_neurons, votes_of
from snntrain.network.readout.current import Current
from snntrain.network.readout.decision import Decision
from snntrain.network.readout.membrane import Membrane
from snntrain.network.readout.over_time import mean_over_time, valid_values, without_padding
from snntrain.network.readout.rate import Rate
from snntrain.network.readout.readout import Readout
from snntrain.network.readout.sum_softmax import SumSoftmax

__all__ = [
    "Current",
    "Decision",
    "Membrane",
    "Rate",
    "Readout",
    "SumSoftmax",
    "final_vote",
    "mean_over_time",
    "output_neurons",
    "readout_of",
    "valid_values",
    "votes_of",
    "without_padding",
]


def readout_of(network: nn.Module) -> Rate:
    """Return the readout of the spikes of `network`, for code without a configuration."""
    return Rate().of(network)
