"""The keys of readouts."""

from dataclasses import dataclass

from snntrain.config.schema.option import option


@dataclass
class Readout:
    """The keys that all readouts share."""

    _target_: str = option("class of the readout")


@dataclass
class Integrated(Readout):
    tau: float = option("time constant of the leaky integrators after the last layer, in time steps", above=0)
    learn_tau: bool = option("learn that time constant; it must then be above 1")


@dataclass
class Membrane(Integrated):
    over: str = option(
        "which potential counts: after the last valid step, the greatest, or the mean", choices=("last", "max", "mean")
    )
