"""The task's network in each peer, written as its users write it; each returns firing rates `[N, classes]`.

SpikingJelly  its own layers in multi-step mode over `[T, N, *]`, the image repeated T times
Sinabs        PyTorch's layers and squeezed neurons over `[N * T, *]`, the image repeated T times
snnTorch      a loop over time around the whole network
Norse         a loop over time around the whole network

`spikingjelly_copy` writes a network of ours in SpikingJelly's layers, with the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import peers
from benchmarks.tasks import CLASSES, NETWORKS, Network, Task
from snntrain.network.layers import Vote
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import BaseNode


def build(key: str, task: Task) -> nn.Module:
    """Return the network of the peer `key` on the task's device."""
    network = NETWORKS[task.network]
    made = {"spikingjelly": _MultiStep, "sinabs": _Squeezed}.get(key, _StepByStep)(key, task, network)
    return made.to(task.device)


def _chain(network: Network, neuron: Callable[[], nn.Module], kit: Any = nn) -> Iterator[nn.Module]:
    """Return the layers in their order; `kit` is the package of the stateless ones."""
    width, side = 1, 28
    for channels in network.channels:
        yield kit.Conv2d(width, channels, kernel_size=3, padding=1, bias=False)
        yield kit.BatchNorm2d(channels)
        yield neuron()
        yield kit.MaxPool2d(2)
        width, side = channels, side // 2
    yield kit.Flatten()
    inputs = width * side * side
    for outputs in (*network.hidden, CLASSES * network.votes):
        yield kit.Linear(inputs, outputs, bias=False)
        yield neuron()
        inputs = outputs


def _vote(rates: Tensor, network: Network) -> Tensor:
    return rates.unflatten(1, (CLASSES, network.votes)).mean(2)


class _MultiStep(nn.Module):
    """A network of SpikingJelly: every layer takes all steps."""

    def __init__(self, key: str, task: Task, network: Network) -> None:
        super().__init__()
        from spikingjelly.activation_based import functional, layer

        self.T, self.network, self.reset = task.T, network, functional.reset_net
        self.layers = nn.Sequential(*_chain(network, lambda: peers.spikingjelly(task.neuron), kit=layer))
        functional.set_step_mode(self.layers, "m")

    def forward(self, images: Tensor) -> Tensor:
        self.reset(self.layers)
        spikes = self.layers(images.unsqueeze(0).repeat(self.T, 1, 1, 1, 1))
        return _vote(spikes.mean(0), self.network)


def spikingjelly_copy(network: TimeSequential, neuron: str, T: int, once: bool) -> nn.Module:
    """Return a chain of our layers in SpikingJelly's, with the same weights; it returns firing rates `[N, classes]`.

    Args:
        network: convolutions, normalisations, pools, linear layers, neurons of one kind, and a vote or none.
        neuron: kind of the neurons, as `peers.spikingjelly`.
        T: number of time steps.
        once: whether the layers before the first neurons compute once for an image, as the authors of PLIF wrote it
            by hand, and their result is repeated; else the image is repeated, as in SpikingJelly's tutorials.

    Raises:
        ValueError: it has no counterpart of a layer here.
    """
    return _Copy(network, neuron, T, once)


class _Copy(nn.Module):
    def __init__(self, network: TimeSequential, neuron: str, T: int, once: bool) -> None:
        super().__init__()
        from spikingjelly.activation_based import functional, layer

        self.T, self.once, self.clear = T, once, functional.reset_net
        children = list(network.children())
        self.votes = children.pop().votes if isinstance(children[-1], Vote) else 1
        first = next(index for index, child in enumerate(children) if isinstance(child, BaseNode))
        copies = [_copy(child, neuron, layer) for child in children]
        self.before, self.after = nn.Sequential(*copies[:first]), nn.Sequential(*copies[first:])
        functional.set_step_mode(self.after, "m")
        functional.set_step_mode(self.before, "s" if once else "m")

    def forward(self, images: Tensor) -> Tensor:
        self.clear(self.after)
        x = self._repeated(self.before(images)) if self.once else self.before(self._repeated(images))
        return self.after(x).mean(0).unflatten(1, (CLASSES, self.votes)).mean(2)

    def _repeated(self, x: Tensor) -> Tensor:
        return x.unsqueeze(0).repeat(self.T, *[1] * x.ndim)


def _copy(child: nn.Module, neuron: str, kit: Any) -> nn.Module:
    if isinstance(child, BaseNode):
        return peers.spikingjelly(neuron)
    if isinstance(child, nn.Flatten):
        return kit.Flatten()
    if isinstance(child, nn.MaxPool2d):
        return kit.MaxPool2d(child.kernel_size, child.stride, child.padding)
    copy: nn.Module
    if isinstance(child, nn.Conv2d):
        sizes = (child.in_channels, child.out_channels, child.kernel_size, child.stride, child.padding)
        copy = kit.Conv2d(*sizes, groups=child.groups, bias=child.bias is not None)
    elif isinstance(child, nn.BatchNorm2d):
        copy = kit.BatchNorm2d(child.num_features)
    elif isinstance(child, nn.Linear):
        copy = kit.Linear(child.in_features, child.out_features, bias=child.bias is not None)
    else:
        raise ValueError(f"{type(child).__name__}: no counterpart in SpikingJelly is written here")
    copy.load_state_dict(child.state_dict())
    return copy


class _Squeezed(nn.Module):
    """A network of Sinabs: batch and time are one dimension, batch first; the neurons know the number of steps."""

    def __init__(self, key: str, task: Task, network: Network) -> None:
        super().__init__()
        self.T, self.network = task.T, network
        self.layers = nn.Sequential(*_chain(network, lambda: peers.sinabs(task.neuron, num_timesteps=task.T)))

    def forward(self, images: Tensor) -> Tensor:
        for layer in self.layers:
            if hasattr(layer, "reset_states"):
                layer.reset_states()
        spikes = self.layers(images.repeat_interleave(self.T, 0))
        return _vote(spikes.unflatten(0, (-1, self.T)).mean(1), self.network)


class _StepByStep(nn.Module):
    """A network of snnTorch or Norse: it is called once per step, and passes its neurons' states from call to call."""

    def __init__(self, key: str, task: Task, network: Network) -> None:
        super().__init__()
        self.T, self.network = task.T, network
        stateful: list[nn.Module] = []

        def cell() -> nn.Module:
            stateful.append(peers.PEERS[key].neuron(task.neuron))
            return stateful[-1]

        self.layers = nn.ModuleList(_chain(network, cell))
        self.cells = {index for index, layer in enumerate(self.layers) if layer in stateful}

    def forward(self, images: Tensor) -> Tensor:
        states = {index: peers.initial_state(self.layers[index]) for index in self.cells}
        spikes = []
        for _ in range(self.T):
            x = images
            for index, layer in enumerate(self.layers):
                if index in self.cells:
                    x, states[index] = layer(x, states[index])
                else:
                    x = layer(x)
            spikes.append(x)
        return _vote(torch.stack(spikes).mean(0), self.network)
