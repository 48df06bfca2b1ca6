"""The mode in which a network is evaluated."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from snntrain.neuron import reset_net


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Run the block in evaluation mode, without gradients, and with neurons that begin at rest.

    Afterwards, also if the block raises, every module is back in its mode, and the neurons are at rest.
    """
    modes = {module: module.training for module in net.modules()}
    reset_net(net)
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        # One by one: a layer may have been frozen on its own.
        for module, mode in modes.items():
            module.training = mode
        reset_net(net)
