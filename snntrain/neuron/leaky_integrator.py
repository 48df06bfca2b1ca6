"""A leaky integrator that never spikes, for the readout of a network."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from snntrain.neuron import arguments, clamp
from snntrain.neuron.base import BaseNode
from snntrain.neuron.integrate_and_fire import Coefficient, Trajectory, charge, steps_of
from snntrain.neuron.integrate_and_fire.contract import one_each
from snntrain.neuron.integrate_and_fire.rest import exactly_at_rest
from snntrain.neuron.learnable import learnable

# Steps that one matrix product computes. A longer one multiplies more numbers, a shorter one starts more operations.
CHUNK = 32


class LINode(BaseNode):
    """Leaky integrator: `v = v + (x - v) / tau`; its output is the potential of each step, and it has no reset.

    Without a reset the potentials are a weighted sum of the input, which a matrix product computes for many steps at
    once. A tau per neuron is computed step by step.

    Args:
        tau: time constant, in time steps.
        monitor_state, step_mode: as in `BaseNode`.
        learn_tau: True learns it, one for the layer, as `1/tau = sigmoid(w)`; it must then be above 1, and remains so.

    Attributes:
        tau: the time constant at the start.
        w_tau: the learnt parameter, shape `[1]`, with `learn_tau=True`.

    Raises:
        ValueError: `tau` is not positive, or not above 1 with `learn_tau=True`.
    """

    spiking: ClassVar[bool] = False

    def __init__(
        self, tau: float = 2.0, monitor_state: bool = False, step_mode: str = "s", learn_tau: bool = False
    ) -> None:
        super().__init__(monitor_state=monitor_state, step_mode=step_mode)
        self.tau = arguments.positive("tau", tau)
        self.learn_tau = bool(learn_tau)
        if self.learn_tau:
            if not self.tau > 1:
                raise ValueError(f"tau={tau} must be above 1 time step to be learnt; or give learn_tau=False")
            learnable(self, "w_tau", clamp.PAIRS["sigmoid"].inverse(self.tau))

    def decay(self) -> Coefficient:
        """Return 1/tau: a float, or if it is learnt, differentiable in float32 at least."""
        if not self.learn_tau:
            return 1 / self.tau
        w: Any = self.w_tau
        return clamp.PAIRS["sigmoid"].function(w.float() if w.element_size() < 4 else w)

    def learnt(self) -> dict[str, float]:
        k = self.decay()
        return {"tau": (1 / k.detach()).mean().item()} if isinstance(k, Tensor) else {}

    def dynamics(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        return self.decay(), -1.0, self.rest

    def _all_steps(self, x: Tensor, T: int | None) -> Trajectory:
        steps = steps_of(x, T)
        current = x.to(torch.promote_types(x.dtype, torch.float32))
        v, k = exactly_at_rest(self.v, self.rest), self.decay()
        v = v.to(current.dtype) if isinstance(v, Tensor) else torch.full_like(current[0], v)
        output = _step_by_step(current, steps, k, v) if steps == 1 or one_each(k) else _at_once(current, steps, k, v)
        trajectory = Trajectory(output.to(x.dtype), output[-1].to(x.dtype))
        return trajectory._replace(h=output.detach(), v=output.detach()) if self._watched else trajectory

    def extra_repr(self) -> str:
        k = self.decay()
        tau = arguments.shown(1 / k if isinstance(k, Tensor) else self.tau)
        return f"tau={tau}, learn_tau={self.learn_tau}, step_mode={self.step_mode!r}"


def _step_by_step(x: Tensor, T: int, k: Coefficient, v: Tensor) -> Tensor:
    """Return the potentials of T steps `[T, N, *]` from those before, `v` `[N, *]`."""
    # Not x[t], for which each step of the backward pass would write a gradient of the whole sequence.
    inputs, potentials = x.unbind(), list[Tensor]()
    for t in range(T):
        v = charge(v, inputs[t if len(x) > 1 else 0], k, -1.0, 0.0)
        potentials.append(v)
    return torch.stack(potentials)


def _at_once(x: Tensor, T: int, k: Coefficient, v: Tensor) -> Tensor:
    """Return the same with few operations, for a `k` that all neurons share.

    v[t] = (1 - k)^(t + 1) v + Σ_{s <= t} k (1 - k)^(t - s) x[s]
    """
    one = torch.as_tensor(k, dtype=x.dtype, device=x.device).reshape(())
    steps = torch.arange(T if len(x) == 1 else min(T, CHUNK), device=x.device, dtype=x.dtype)
    kept = (1 - one) ** (steps + 1)
    column = kept.view(-1, *[1] * v.ndim)
    if len(x) == 1:
        # The same input at each step: the distance from it shrinks.
        return x + column * (v - x)
    weights = one * ((1 - one) ** (steps.unsqueeze(1) - steps).clamp(min=0)).tril()
    potentials = []
    # Potentials are kept in float32 in half precision, too.
    with torch.autocast(x.device.type, enabled=False):
        for part in x.split(CHUNK):
            n = len(part)
            driven = (weights[:n, :n] @ part.flatten(1)).view(part.shape)
            potentials.append(driven + column[:n] * v)
            v = potentials[-1][-1]
    return torch.cat(potentials)
