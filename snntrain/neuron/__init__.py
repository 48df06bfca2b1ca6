"""Spiking neurons for PyTorch; this package needs only torch and NumPy."""

from snntrain.neuron import clamp, functional, surrogate
from snntrain.neuron.base import BaseNode
from snntrain.neuron.carried import Carrying
from snntrain.neuron.layers import (
    begin_epoch,
    detach_net,
    learnt_constants,
    load_states,
    reset_net,
    set_step_mode,
    spiking_layers,
    stateful_layers,
    states_of,
)
from snntrain.neuron.leaky_integrator import LINode
from snntrain.neuron.nodes import IFNode, LIFNode, PLIFNode, RIFNode
from snntrain.neuron.parallel import PSNNode, SlidingPSNNode
from snntrain.neuron.two_state_nodes import AdLIFNode, CubaNode, TwoStateNode

__all__ = [
    "AdLIFNode",
    "BaseNode",
    "Carrying",
    "CubaNode",
    "IFNode",
    "LIFNode",
    "LINode",
    "PLIFNode",
    "PSNNode",
    "RIFNode",
    "SlidingPSNNode",
    "TwoStateNode",
    "begin_epoch",
    "clamp",
    "detach_net",
    "functional",
    "learnt_constants",
    "load_states",
    "reset_net",
    "set_step_mode",
    "spiking_layers",
    "stateful_layers",
    "states_of",
    "surrogate",
]
