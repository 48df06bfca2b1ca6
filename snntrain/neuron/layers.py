"""The layers of a network that spike, that learn constants, or that follow the epochs."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from snntrain.neuron.base import BaseNode
from snntrain.neuron.carried import Carrying


def spiking_layers(net: nn.Module) -> Iterator[tuple[str, BaseNode]]:
    """Yield every spiking layer inside `net` with its qualified name, in the order of `named_modules()`."""
    return ((name, layer) for name, layer in stateful_layers(net) if layer.spiking)


def stateful_layers(net: nn.Module) -> Iterator[tuple[str, BaseNode]]:
    """Yield every layer of neurons inside `net`, spiking or not, with its qualified name."""
    return ((name, module) for name, module in net.named_modules() if isinstance(module, BaseNode))


def reset_net(net: nn.Module) -> None:
    """Forget the states of every layer of neurons inside `net`, and of every other layer that carries some over."""
    for layer in net.modules():
        if isinstance(layer, BaseNode | Carrying):
            layer.reset()


def detach_net(net: nn.Module) -> None:
    """Detach the states of the layers inside `net` from their graph, and keep their values.

    Called between two parts of a sequence, it truncates back-propagation through time: the second part starts from the
    potentials of the first, and its gradient ends there.
    """
    for layer in net.modules():
        if isinstance(layer, BaseNode | Carrying):
            layer.detach()


def set_step_mode(net: nn.Module, step_mode: str) -> None:
    """Set the step mode of every layer of neurons inside `net`: 's', one step per call, or 'm', all steps at once.

    Raises:
        ValueError: another mode.
    """
    for _, layer in stateful_layers(net):
        layer.step_mode = step_mode


def learnt_constants(net: nn.Module) -> dict[str, float]:
    """Return the constants of every layer with a `learnt()`, by constant and layer, like `tau/conv1_neuron`."""
    return {
        f"{constant}/{name}": value
        for name, layer in net.named_modules()
        if callable(learnt := getattr(layer, "learnt", None))
        for constant, value in learnt().items()
    }


def begin_epoch(net: nn.Module, epoch: int, epochs: int) -> None:
    """Call `on_epoch(epoch, epochs)` of every layer that has it, before the training of an epoch begins or resumes.

    In that method a layer sets its constants for the epoch. They depend on the two numbers alone, and are buffers that
    change in place, so that a step recorded on a GPU reads them. A persistent buffer is part of each checkpoint.

    Args:
        net: the network.
        epoch: number of the epoch, from 1.
        epochs: number of epochs of the run.
    """
    for layer in net.modules():
        if callable(on_epoch := getattr(layer, "on_epoch", None)):
            on_epoch(epoch, epochs)
