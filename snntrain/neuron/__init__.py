"""Spiking neurons for PyTorch; this package needs torch and NumPy alone."""

from snntrain.neuron import clamp, surrogate
from snntrain.neuron.base import BaseNode, reset_net, spiking_layers
from snntrain.neuron.nodes import IFNode, LIFNode, PLIFNode, RIFNode

__all__ = [
    "BaseNode",
    "IFNode",
    "LIFNode",
    "PLIFNode",
    "RIFNode",
    "clamp",
    "reset_net",
    "spiking_layers",
    "surrogate",
]
