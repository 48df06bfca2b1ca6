"""The cases of all tests of the neurons, each with its oracle, and functions to run them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, clamp, surrogate

from . import oracle, oracle_surrogates


@dataclass(frozen=True)
class Neuron:
    """A function that builds a node, and the same neuron's equation for a given learnt scalar k."""

    name: str
    build: Callable[..., BaseNode]
    equation: Callable[[float], oracle.Charge]
    link: oracle.Link = oracle.IDENTITY
    parameter: str | None = None

    def learnt(self, node: BaseNode) -> torch.nn.Parameter | None:
        return None if self.parameter is None else getattr(node, self.parameter)

    def cell(self, node: BaseNode, shape: oracle_surrogates.Surrogate | None = None) -> oracle.Cell:
        """Return the oracle with the numbers of `node` and its parameter as stored."""
        parameter = self.learnt(node)
        p = np.asarray(0.0 if parameter is None else parameter.item())
        return oracle.Cell(
            charge=self.equation(float(self.link.value(p))),
            surrogate=shape or oracle_surrogates.SURROGATES[type(node.surrogate_function).__name__](),
            v_threshold=node.v_threshold,
            v_reset=node.v_reset,
            detach_reset=node.detach_reset,
            spiking=getattr(node.surrogate_function, "spiking", True),
        )


def _clamped(pair: str, init_tau: float) -> Callable[..., BaseNode]:
    functions = clamp.PAIRS[pair]
    return partial(
        PLIFNode,
        init_tau=init_tau,
        clamp=True,
        clamp_function=functions.function,
        inverse_clamp_function=functions.inverse,
    )


NEURONS = [
    Neuron("if", IFNode, lambda k: oracle.IF()),
    Neuron("lif", partial(LIFNode, tau=2.5), lambda k: oracle.LIF(2.5)),
    Neuron("plif", partial(PLIFNode, init_tau=2.5), oracle.PLIF, parameter="w"),
    Neuron("plif-sigmoid", _clamped("sigmoid", 3.0), oracle.PLIF, oracle.CLAMPS["sigmoid"], "w"),
    Neuron(
        "plif-reciprocal",
        _clamped("reciprocal_abs_plus_1", 2.0),
        oracle.PLIF,
        oracle.CLAMPS["reciprocal_abs_plus_1"],
        "w",
    ),
    # piecewise_exp has a branch on either side of tau = 2.
    Neuron("plif-exp-fast", _clamped("piecewise_exp", 1.6), oracle.PLIF, oracle.CLAMPS["piecewise_exp"], "w"),
    Neuron("plif-exp-slow", _clamped("piecewise_exp", 3.0), oracle.PLIF, oracle.CLAMPS["piecewise_exp"], "w"),
    Neuron("rif", partial(RIFNode, init_w=-0.05), oracle.RIF, parameter="g"),
    Neuron("rif-float", partial(RIFNode, init_w=0.1, amplitude=0.5), oracle.RIF, oracle.symmetric(0.5), "g"),
    Neuron(
        "rif-tuple",
        partial(RIFNode, init_w=-0.3, amplitude=(-1.0, 0.25)),
        oracle.RIF,
        oracle.interval(-1.0, 0.25),
        "g",
    ),
]
LEARNING = [neuron for neuron in NEURONS if neuron.parameter]
BY_NAME = {neuron.name: neuron for neuron in NEURONS}

every_neuron = pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.name)
every_learning_neuron = pytest.mark.parametrize("neuron", LEARNING, ids=lambda neuron: neuron.name)
every_reset = pytest.mark.parametrize("v_reset", [0.0, -0.3, None], ids=["hard-0", "hard-0.3", "soft"])
every_detach = pytest.mark.parametrize("detach_reset", [False, True], ids=["attached", "detached"])
every_surrogate = pytest.mark.parametrize("name", list(oracle_surrogates.SURROGATES))
every_mode = pytest.mark.parametrize("step_mode", ["s", "m"])

# Not 1, so that a missing threshold in an equation is noticed.
V_THRESHOLD = 0.75


def current(neuron: Neuron, T: int = 9, shape: tuple[int, ...] = (3, 5), seed: int = 0) -> NDArray[np.float64]:
    """Return a float32-exact random input [T, *shape] that makes `neuron` spike in some steps but not in all."""
    gain = neuron.equation(0.3).slopes(np.zeros(()), np.zeros(()), 0.0)[1]
    x = np.random.default_rng(seed).normal(0.4, 0.9, (T, *shape)) / gain
    return x.astype(np.float32).astype(np.float64)


def drive(node: BaseNode, x: Tensor) -> Tensor:
    """Return spikes [T, *] of a node for x [T, *], all steps at once or one by one, by its step mode."""
    return node(x) if node.step_mode == "m" else torch.stack([node(x_t) for x_t in x])


def recorded(node: BaseNode, key: str) -> NDArray[Any]:
    """Return the monitor's list under h, v or s, as one array [T, *]."""
    assert node.monitor is not None
    return np.stack(node.monitor[key])


def make_surrogate(name: str, **arguments: float | bool) -> surrogate.Surrogate:
    built = getattr(surrogate, name)(**arguments)
    assert isinstance(built, surrogate.Surrogate)
    return built
