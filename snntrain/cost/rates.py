"""Firing rates: spikes per neuron and time step, and the neurons that never fire or always do."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.data.padding import ValidSteps
from snntrain.neuron import BaseNode, spiking_layers


class FiringRates:
    """The spikes of every neuron of `net`, counted while the block runs; the padding of sequences is left out.

    The counts stay on the device, and nothing waits for them before they are read. On exit all hooks are removed.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        # By layer: the spikes of its neurons `[*]`, and the number of steps over all images; on the device if there is
        # padding.
        self.spikes: dict[str, Tensor] = {}
        self.steps: dict[str, int | Tensor] = {}
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

    def add_up(self, sum_over_all: Callable[[Tensor], Tensor]) -> None:
        """Add up the counts of all processes; `sum_over_all` adds up a tensor in place."""
        for name, spikes in self.spikes.items():
            sum_over_all(spikes)
            self.steps[name] = int(sum_over_all(torch.as_tensor(self.steps[name], device=spikes.device).clone()))

    def means(self) -> dict[str, float]:
        """Return the spikes per neuron and time step of each layer, over all images."""
        return {name: spikes.mean().item() / int(self.steps[name]) for name, spikes in self.spikes.items()}

    def silent(self) -> dict[str, float]:
        """Return the share of each layer's neurons that never fired."""
        return {name: (spikes == 0).double().mean().item() for name, spikes in self.spikes.items()}

    def saturated(self) -> dict[str, float]:
        """Return the share of each layer's neurons that fired at every step of every image."""
        return {name: (spikes == self.steps[name]).double().mean().item() for name, spikes in self.spikes.items()}

    def _counter(self, name: str) -> Any:
        valid_steps = ValidSteps()

        def count(layer: BaseNode, inputs: Any, spikes: Tensor) -> None:
            spikes = spikes.detach().unsqueeze(0) if layer.step_mode == "s" else spikes.detach()
            valid = valid_steps.of_call(*spikes.shape[:2])
            # One row per image and step.
            rows = spikes.flatten(0, 1)
            if valid is not None:
                rows = rows.masked_fill(~valid.view(-1, *[1] * (rows.ndim - 1)), 0)
            self.spikes[name] = self.spikes.get(name, 0) + spike_counts(rows)
            self.steps[name] = self.steps.get(name, 0) + (len(rows) if valid is None else valid.sum())

        return count


def spike_counts(rows: Tensor) -> Tensor:
    """Return the exact number of spikes of each neuron `[*]` in `rows` `[steps, *]`, float64.

    It reads the spikes in memory order, and sums half precision in half precision as long as that is exact. On a CPU
    this is thirteen times as fast as one sum in float64.
    """
    order = sorted(range(1, rows.ndim), key=rows.stride, reverse=True)
    exact = round(2 / torch.finfo(rows.dtype).eps)
    parts = [part.sum(0).double() for part in rows.permute(0, *order).split(exact)]
    counts: Tensor = sum(parts[1:], parts[0])
    return counts.permute([order.index(dimension) for dimension in range(1, rows.ndim)])
