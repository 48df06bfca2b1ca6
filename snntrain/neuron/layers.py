"""The layers of a network that spike, that learn constants, or that follow the epochs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

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


def states_of(net: nn.Module) -> dict[str, float | Tensor]:
    """Return every state of the layers inside `net`, by layer and state, like `conv1_neuron.v`.

    Each is a number before the first input, then a tensor. They are the states themselves, with their graph:
    `detach_net` drops it first. A later call of the network leaves them as they are.
    """
    return {name: getattr(layer, state) for name, (layer, state) in _states(net).items()}


def load_states(net: nn.Module, states: Mapping[str, float | Tensor]) -> None:
    """Set every state of the layers inside `net`, so that the next call starts from them.

    Args:
        net: a network with the layers from which `states_of` read the states.
        states: numbers or tensors by layer and state.

    Raises:
        ValueError: a state is missing, or not in the network; nothing is set then.
    """
    wanted = _states(net)
    if wanted.keys() != states.keys():
        missing, unknown = sorted(wanted.keys() - states.keys()), sorted(states.keys() - wanted.keys())
        raise ValueError(
            f"the states are those of another network: missing {', '.join(missing) or 'none'}; "
            f"unknown {', '.join(unknown) or 'none'}"
        )
    for name, (layer, state) in wanted.items():
        setattr(layer, state, states[name])


def _states(net: nn.Module) -> dict[str, tuple[BaseNode | Carrying, str]]:
    """Return each layer that keeps states, and the state's attribute, by the name of both."""
    layers = ((name, layer) for name, layer in net.named_modules() if isinstance(layer, BaseNode | Carrying))
    return {f"{name}.{state}" if name else state: (layer, state) for name, layer in layers for state in layer.states}


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
