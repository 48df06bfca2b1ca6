"""Spiking neurons for PyTorch; this package needs only torch and NumPy."""

from snntrain.neuron import clamp, surrogate
from snntrain.neuron.base import BaseNode
from snntrain.neuron.carried import Carrying
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

__all__ = [
    "BaseNode",
    "Carrying",
    "IFNode",
    "LIFNode",
    "LINode",
    "PLIFNode",
    "RIFNode",
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
