"""The keys of neurons with two states."""

from dataclasses import dataclass

from snntrain.config.schema.model import Neuron
from snntrain.config.schema.option import option


@dataclass
class Cuba(Neuron):
    tau: float = option("membrane time constant at the start, in time steps", above=0)
    tau_i: float = option("time constant of the filter of the input current at the start, in time steps", at_least=1)
    learn_tau: bool = option("learn both time constants; they are then above 1")


@dataclass
class AdLIF(Neuron):
    tau_u: float = option("membrane time constant at the start, in time steps", above=0)
    tau_w: float = option("time constant of the adaptation at the start, in time steps", above=0)
    a: float = option("adaptation by the potential, at the start; learnt in (0, 1)")
    b: float = option("adaptation by a spike, at the start; learnt in (0, 2)")
    q: float = option("scale of a and b")
    adapt: str = option(
        "whether the adaptation is subtracted from the input or added to the threshold",
        choices=("current", "threshold"),
    )
    learn_tau: bool = option("learn both time constants, within their bounds")
    learn_ab: bool = option("learn a and b")
    tau_u_bounds: list[float] = option("least and greatest learnt membrane time constant", at_least=0, most_items=2)
    tau_w_bounds: list[float] = option(
        "least and greatest learnt time constant of the adaptation", at_least=0, most_items=2
    )
