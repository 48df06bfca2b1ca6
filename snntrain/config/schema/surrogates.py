"""The keys of surrogates with another shape than one steepness."""

from dataclasses import dataclass

from snntrain.config.schema.option import option


@dataclass
class Pass:
    _target_: str = option("class of the surrogate")


@dataclass
class LogTailedReLU(Pass):
    leak: float = option("gradient below the threshold", at_least=0)


@dataclass
class LeakyKReLU(LogTailedReLU):
    k: float = option("gradient above the threshold", above=0)


@dataclass
class S2NN(Pass):
    alpha: float = option("steepness below the threshold", above=0)
    beta: float = option("gradient just above the threshold", above=0)


@dataclass
class SquarewaveFourierSeries(Pass):
    n: int = option("terms of the Fourier series", at_least=1, most=1000)
    T_period: float = option("period of the square wave, as a distance from the threshold", above=0)
