"""Firing rates: how many spikes a neuron of each layer gives a time step."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.neuron import spiking_layers


class FiringRates:
    """Counts the spikes of every spiking layer of `net` while the block runs.

    The sums stay on the device, so that nothing waits for them before `means()`; nothing is left attached.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> FiringRates:
        for name, layer in spiking_layers(self.net):
            self._handles.append(layer.register_forward_hook(self._counter(name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def means(self) -> dict[str, float]:
        """Spikes a neuron and time step, a layer each, over everything that passed."""
        return {name: total.item() / self.counts[name] for name, total in self.sums.items()}

    def _counter(self, name: str) -> Any:
        def count(layer: nn.Module, inputs: Any, spikes: Tensor) -> None:
            # A sum in half precision would stop growing; float32 holds that of an image, and float64 of all takes longer.
            of_images = spikes.detach().unsqueeze(-1).sum(tuple(range(2, spikes.ndim + 1)), dtype=torch.float32)
            self.sums[name] = self.sums.get(name, 0) + of_images.sum(dtype=torch.float64)
            self.counts[name] = self.counts.get(name, 0) + spikes.numel()

        return count
