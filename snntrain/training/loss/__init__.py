"""Losses, and the call of a loss.

A loss takes the output of a network `[T, N, classes]`, the labels, and for sequences of different length `lengths`
`[N]`; labels are classes, int64 `[N]`, or probabilities, float32 `[N, classes]`. With `weights` `[N]` it is the sum of
the weighted losses of the samples, divided by N. A loss with an argument `readout` gets the readout of the network.
"""

from snntrain.training.loss.call import check_lengths, check_probabilities, check_weights, loss_of
from snntrain.training.loss.cross_entropy import CE, CERate
from snntrain.training.loss.firing import FiringPenalty
from snntrain.training.loss.squared_error import MSERate
from snntrain.training.loss.tet import TET
from snntrain.training.loss.votes import MSEVotes, watch

__all__ = [
    "CE",
    "TET",
    "CERate",
    "FiringPenalty",
    "MSERate",
    "MSEVotes",
    "check_lengths",
    "check_probabilities",
    "check_weights",
    "loss_of",
    "watch",
]
