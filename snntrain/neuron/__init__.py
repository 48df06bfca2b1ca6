"""Spiking neurons for PyTorch; this package needs only torch and NumPy."""

from snntrain.neuron import clamp, surrogate
from snntrain.neuron.base import BaseNode
from snntrain.neuron.layers import (
    begin_epoch,
    detach_net,
    learnt_constants,
    reset_net,
    set_step_mode,
    spiking_layers,
    stateful_layers,
)
from snntrain.neuron.leaky_integrator import LINode
from snntrain.neuron.nodes import IFNode, LIFNode, PLIFNode, RIFNode
from snntrain.neuron.two_state_nodes import AdLIFNode, CubaNode, TwoStateNode

__all__ = [
    "AdLIFNode",
    "BaseNode",
    "CubaNode",
    "IFNode",
    "LIFNode",
    "LINode",
    "PLIFNode",
    "RIFNode",
    "TwoStateNode",
    "begin_epoch",
    "clamp",
    "detach_net",
    "learnt_constants",
    "reset_net",
    "set_step_mode",
    "spiking_layers",
    "stateful_layers",
    "surrogate",
]
