"""The mode that a network is looked at in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from snntrain.neuron import reset_net


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Evaluation mode, no gradients, and neurons that begin at rest, while the block runs.

    Afterwards, also where the block raises, every module is in the mode that it was in, and the neurons are at rest.
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
