"""A penalty for firing rates that are far from a target."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.data.padding import ValidSteps
from snntrain.network.readout import output_neurons
from snntrain.neuron import BaseNode, spiking_layers


class FiringPenalty:
    """The squared distance of firing rates from a target, added to a loss while a network trains.

    The penalty is `weight * mean_n sum_l (r[n, l] - target)²`: `r[n, l]` is the mean of the spikes of sample n over the
    neurons and the valid steps of layer l. It passes its gradient to the spikes of each step. The output neurons, whose
    rates the loss determines, are left out. In evaluation mode, and without gradients, there is no penalty.

    Args:
        target: firing rate, in spikes per neuron and time step.
        weight: weight of the penalty.

    Raises:
        ValueError: a target outside [0, 1], or a weight that is not a positive number.
    """

    def __init__(self, target: float, weight: float) -> None:
        if not isinstance(target, int | float) or not 0 <= target <= 1:
            raise ValueError(f"rate_target={target}: must be a firing rate from 0 to 1")
        if not isinstance(weight, int | float) or not 0 < weight < math.inf:
            raise ValueError(f"rate_weight={weight}: must be a positive number, or 0 for no penalty")
        self.target, self.weight = target, weight
        # By layer: the sum over the valid steps of the mean over the neurons, and the number of valid steps, `[N]`.
        self._rates: dict[str, Tensor] = {}
        self._steps: dict[str, Tensor | int] = {}
        self._counts = False

    def attach(self, network: nn.Module, loss: nn.Module) -> None:
        """Add the penalty of each call of a network to the next value of a loss, by hooks on both."""
        network.register_forward_pre_hook(self._begin)
        last = output_neurons(network)
        for name, layer in spiking_layers(network):
            if layer is not last:
                layer.register_forward_hook(self._counter(name))
        loss.register_forward_hook(self._add)

    def penalty(self) -> Tensor | float:
        """Return the penalty of the last call of the network, and forget the call; 0 if nothing was counted."""
        rates = [self._rates[name] / self._steps[name] for name in self._rates]
        self._forget()
        distances: list[Tensor] = [(rate - self.target).square().mean() for rate in rates]
        return self.weight * torch.stack(distances).sum() if distances else 0.0

    def _forget(self) -> None:
        self._rates.clear()
        self._steps.clear()

    def _begin(self, network: nn.Module, given: Any) -> None:
        # A layer may also run again in the backward pass, after the penalty was computed.
        self._forget()
        self._counts = network.training and torch.is_grad_enabled()

    def _counter(self, name: str) -> Callable[[BaseNode, Any, Tensor], None]:
        valid_steps = ValidSteps()

        def count(layer: BaseNode, given: Any, spikes: Tensor) -> None:
            if not self._counts:
                return
            spikes = spikes.unsqueeze(0) if layer.step_mode == "s" else spikes
            rates = spikes.flatten(2).mean(2, dtype=torch.promote_types(spikes.dtype, torch.float32))
            valid = valid_steps.of_call(*rates.shape)
            if valid is not None:
                rates = rates.masked_fill(~valid, 0)
            self._rates[name] = self._rates.get(name, 0.0) + rates.sum(0)
            self._steps[name] = self._steps.get(name, 0) + (len(rates) if valid is None else valid.sum(0))

        return count

    def _add(self, loss: nn.Module, given: Any, value: Tensor) -> Tensor:
        return value + self.penalty() if self._rates else value
