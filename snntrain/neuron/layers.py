"""What is done to all spiking layers of a network."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from snntrain.neuron.base import BaseNode


def spiking_layers(net: nn.Module) -> Iterator[tuple[str, BaseNode]]:
    """Every spiking layer inside `net` with its qualified name, in the order of `named_modules()`."""
    return ((name, module) for name, module in net.named_modules() if isinstance(module, BaseNode))


def reset_net(net: nn.Module) -> None:
    """Forget the state of every spiking layer inside `net`."""
    for _, layer in spiking_layers(net):
        layer.reset()


def detach_net(net: nn.Module) -> None:
    """Keep the state of every spiking layer inside `net` and let go of its graph.

    Between two parts of a sequence it makes back-propagation through time truncated: the second part starts from the
    first one's potentials, and its gradient ends there.
    """
    for _, layer in spiking_layers(net):
        layer.detach()


def set_step_mode(net: nn.Module, step_mode: str) -> None:
    """Set the step mode of every spiking layer inside `net`: 's', one step per call, or 'm', all steps at once.

    Raises:
        ValueError: another mode.
    """
    for _, layer in spiking_layers(net):
        layer.step_mode = step_mode
