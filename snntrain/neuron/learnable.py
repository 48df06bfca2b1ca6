"""Constants of neurons that are learnt."""

from __future__ import annotations

import torch
from torch import nn


def learnable(node: nn.Module, name: str, value: float) -> nn.Parameter:
    """Make a parameter of shape `[1]`, one for the whole layer, an attribute of a neuron, and return it.

    Args:
        node: the neuron.
        name: name of the attribute.
        value: the value at the start.
    """
    parameter = nn.Parameter(torch.tensor([value]))
    setattr(node, name, parameter)
    return parameter
