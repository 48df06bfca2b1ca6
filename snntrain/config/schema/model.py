"""The keys of what computes: neurons, surrogates, reset, encoder and network."""

from dataclasses import dataclass
from typing import Any

from snntrain.config.schema.option import option


@dataclass
class Neuron:
    """IF, and the keys that all neurons share."""

    _target_: str = option("class of the neuron")
    v_threshold: float = option("a neuron fires if its charged potential is >= this")
    learn_threshold: bool = option("learn the threshold, from v_threshold on; it stays above v_reset and 0")
    per_neuron: bool = option("learn one constant for each neuron, not one for the layer")


@dataclass
class LIF(Neuron):
    tau: float = option("membrane time constant, in time steps", above=0)
    decay_input: bool = option("divide the input by the time constant too")


@dataclass
class PLIF(Neuron):
    init_tau: float = option("time constant at the start, in time steps; it is learnt", above=0)
    clamp: str | None = option(
        "function that keeps 1/tau between 0 and 1, or null to learn 1/tau itself",
        choices=("sigmoid", "reciprocal_abs_plus_1", "piecewise_exp"),
    )
    decay_input: bool = option("divide the input by the time constant too")


@dataclass
class RIF(Neuron):
    init_w: float = option("weight of the self connection at the start; it is learnt")
    amplitude: Any = option("bounds of that weight: null for none, A for (-A, A), or [lo, hi]")


@dataclass
class Surrogate:
    _target_: str = option("class of the surrogate")
    alpha: float = option("steepness: the greater, the narrower the gradient around the threshold", above=0)


@dataclass
class PiecewiseLeakyReLU:
    _target_: str = option("class of the surrogate")
    w: float = option("half-width of the window around the threshold", above=0)
    c: float = option("gradient outside the window", above=0)


@dataclass
class Reset:
    v_reset: float | None = option("potential after a spike (hard reset), null subtracts the threshold (soft)")


@dataclass
class Encoder:
    _target_: str = option("class of the encoder")


@dataclass
class MLP:
    _target_: str = option("class of the network")
    hidden: list[int] = option("neurons of each hidden layer", at_least=1, most=1_000_000)
    votes: int = option("output neurons per class, averaged", at_least=1, most=10_000)
    dropout: float = option("probability of silencing a neuron; one mask for all time steps", at_least=0, below=1)


@dataclass
class CSNN(MLP):
    channels: list[int] = option(
        "channels of each 3x3 convolution; each is followed by pooling", at_least=1, most=100_000, most_items=100
    )
    pool: str = option("how pooling halves the sides: the greatest or the mean of 2x2", choices=("max", "avg"))
