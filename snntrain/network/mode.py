"""Evaluation mode of a network."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from snntrain.neuron import reset_net


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Run the block in evaluation mode, without gradients, and with neurons that begin at rest.

    Afterwards, even if the block raises, every module has its mode back, and the neurons are at rest.
    """
    modes = {module: module.training for module in net.modules()}
    reset_net(net)
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        # One by one: a single layer may have been frozen.
        for module, mode in modes.items():
            module.training = mode
        reset_net(net)
