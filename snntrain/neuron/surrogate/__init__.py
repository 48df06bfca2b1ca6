"""Surrogate gradients: a step function forward, a smooth derivative backward.

A surrogate is a small immutable value. Calling it fires: `s = surrogate(h - v_threshold)` is 1 if its argument is
`>= 0`, else 0; the gradient is `gradient(x)` instead of the derivative of the step. With `spiking=False` it returns
`primitive(x)`, the integral of `gradient`, with ordinary autograd.

The tests check each gradient against the finite difference of its primitive.
"""

from snntrain.neuron.surrogate.even import (
    ATan,
    Erf,
    NonzeroSignLogAbs,
    PiecewiseExp,
    PiecewiseLeakyReLU,
    PiecewiseQuadratic,
    QPseudoSpike,
    Rectangle,
    Sigmoid,
    SoftSign,
    SquarewaveFourierSeries,
    SuperSpike,
)
from snntrain.neuron.surrogate.one_sided import S2NN, LeakyKReLU, LogTailedReLU
from snntrain.neuron.surrogate.passes import DeterministicPass, PoissonPass
from snntrain.neuron.surrogate.rule import Surrogate

__all__ = [
    "S2NN",
    "ATan",
    "DeterministicPass",
    "Erf",
    "LeakyKReLU",
    "LogTailedReLU",
    "NonzeroSignLogAbs",
    "PiecewiseExp",
    "PiecewiseLeakyReLU",
    "PiecewiseQuadratic",
    "PoissonPass",
    "QPseudoSpike",
    "Rectangle",
    "Sigmoid",
    "SoftSign",
    "SquarewaveFourierSeries",
    "SuperSpike",
    "Surrogate",
]
