"""A leaky integrator that never spikes, for the readout of a network."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from snntrain.neuron import arguments
from snntrain.neuron.base import BaseNode
from snntrain.neuron.integrate_and_fire import Coefficient, Trajectory, charge, steps_of
from snntrain.neuron.integrate_and_fire.rest import exactly_at_rest


class LINode(BaseNode):
    """Leaky integrator: `v = v + (x - v) / tau`; its output is the potential of each step, and it has no reset.

    Args:
        tau: time constant, in time steps.
        monitor_state, step_mode: as in `BaseNode`.

    Raises:
        ValueError: `tau` is not positive.
    """

    spiking: ClassVar[bool] = False

    def __init__(self, tau: float = 2.0, monitor_state: bool = False, step_mode: str = "s") -> None:
        super().__init__(monitor_state=monitor_state, step_mode=step_mode)
        self.tau = arguments.positive("tau", tau)

    def dynamics(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        return 1 / self.tau, -1.0, self.rest

    def _all_steps(self, x: Tensor, T: int | None) -> Trajectory:
        steps = steps_of(x, T)
        current = x.to(torch.promote_types(x.dtype, torch.float32))
        v, coefficients = exactly_at_rest(self.v, self.rest), self.dynamics()
        potentials: list[Tensor] = []
        for t in range(steps):
            v = charge(v, current[t if len(current) > 1 else 0], *coefficients)
            potentials.append(v)
        output = torch.stack(potentials)
        trajectory = Trajectory(output.to(x.dtype), potentials[-1].to(x.dtype))
        return trajectory._replace(h=output.detach(), v=output.detach()) if self._watched else trajectory

    def extra_repr(self) -> str:
        return f"tau={arguments.shown(self.tau)}, step_mode={self.step_mode!r}"
