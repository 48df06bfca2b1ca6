"""The task's network in each peer, written as its users write it; each returns firing rates `[N, classes]`.

SpikingJelly  its own layers in multi-step mode over `[T, N, *]`, the image repeated T times
Sinabs        PyTorch's layers and squeezed neurons over `[N * T, *]`, the image repeated T times
snnTorch      a loop over time around the whole network
Norse         a loop over time around the whole network
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import peers
from benchmarks.tasks import CLASSES, NETWORKS, Network, Task


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
