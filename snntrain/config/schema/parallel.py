"""The keys of neurons that compute all time steps at once."""

from dataclasses import dataclass

from snntrain.config.schema.option import option


@dataclass
class ParallelNeuron:
    """The keys that parallel neurons share."""

    _target_: str = option("class of the neuron")
    v_threshold: float = option("a neuron fires if its potential is >= this")
    learn_threshold: bool = option("learn the threshold, from v_threshold on")


@dataclass
class PSN(ParallelNeuron):
    causal: bool = option("leave out inputs of later steps; needed for sequences of different length")


@dataclass
class SlidingPSN(ParallelNeuron):
    order: int = option("inputs that a step sees, its own included", at_least=1, most=100_000)
