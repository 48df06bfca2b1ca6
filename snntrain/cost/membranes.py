"""Membrane updates of a layer of neurons: potentials that a step changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from snntrain.data.padding import ValidSteps
from snntrain.neuron import BaseNode
from snntrain.neuron.integrate_and_fire.updates import changed, count_updates


class Membranes:
    """The sum of the membrane updates of a layer of neurons, on its device, without those of padding.

    `before` and `after` enclose each call.
    """

    def __init__(self, layer: BaseNode) -> None:
        self.layer = layer
        self.updates: Tensor | int = 0
        # The rules of a user and those of further states may change more than v, and must not run twice, nor may random
        # spikes: the monitor records their potentials. It also records those of neurons that do not spike, which have
        # another recurrence.
        random = getattr(layer.surrogate_function, "random", False)
        self.by_monitor = layer.has_own_rule or len(layer.states) > 1 or random or not layer.spiking
        self._valid_steps = ValidSteps()

    def before(self) -> None:
        """Keep the state before a call."""
        self.v0 = self.layer.v
        self.watched = self.layer.monitor is not None
        if self.by_monitor and not self.watched:
            self.layer.set_monitor(True)

    def after(self, x: Tensor, s: Tensor) -> None:
        """Add the updates of a call.

        Args:
            x: the input of the call.
            s: its output, `[T, N, *]`, or `[N, *]` in single-step mode.
        """
        self.updates = self.updates + self._of_call(x, s)
        if self.by_monitor and not self.watched:
            self.layer.set_monitor(False)

    def add_up(self, sum_over_all: Callable[[Tensor], Tensor]) -> None:
        """Add up the updates of all processes; `sum_over_all` adds up a tensor in place."""
        if isinstance(self.updates, Tensor):
            sum_over_all(self.updates)

    def _of_call(self, x: Tensor, s: Tensor) -> Tensor | int:
        layer = self.layer
        if layer.step_mode == "s":
            s = s.unsqueeze(0)
        valid = self._valid_steps.of_call(*s.shape[:2])
        if layer.step_mode == "s":
            return changed(self.v0, torch.as_tensor(layer.v).unsqueeze(0), valid)
        if self.by_monitor:
            assert layer.monitor is not None
            return changed(self.v0, torch.from_numpy(np.stack(layer.monitor["v"][-len(s) :])).to(s.device), valid)
        return count_updates(
            x.to(s.dtype),
            *layer.dynamics(),
            self.v0,
            v_threshold=layer.threshold(),
            v_reset=layer.v_reset,
            surrogate=layer.surrogate_function,
            T=len(s),
            valid=valid,
        )
