"""Neurons without a reset, which compute all time steps at once (Fang et al., NeurIPS 2023).

Their potential is a weighted sum of inputs, `h = W x`, and they fire where `h` is at least the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from snntrain.neuron import arguments, surrogate
from snntrain.neuron.base import THRESHOLD, BaseNode
from snntrain.neuron.integrate_and_fire import Trajectory, steps_of
from snntrain.neuron.surrogate import Surrogate


class ParallelNode(BaseNode):
    """The base of neurons whose potential is a weighted sum of the inputs of all steps.

    Attributes:
        v: the potential of the last step; the next call does not depend on it.
        thresholds: the threshold, or one per step; a parameter if it is learnt.
    """

    thresholds: Tensor

    @property
    def has_own_rule(self) -> bool:
        return True

    def potentials(self, x: Tensor, T: int) -> Tensor:
        """Return `h` `[T, N, *]` of the input `[T, N, *]`, or `[1, N, *]` if it is the same at each step."""
        raise NotImplementedError(f"{type(self).__name__} defines no potentials(x, T)")

    def threshold(self) -> Tensor:
        """Return the threshold of each step, `[T]`, or of all steps, `[1]`."""
        return self.thresholds

    def learnt(self) -> dict[str, float]:
        if not isinstance(self.thresholds, nn.Parameter):
            return {}
        return {THRESHOLD: self.thresholds.detach().mean().item()}

    def _set_thresholds(self, count: int, learn: bool) -> None:
        thresholds = torch.full((count,), arguments.number("v_threshold", self.v_threshold))
        if learn:
            self.thresholds = nn.Parameter(thresholds)
        else:
            self.register_buffer("thresholds", thresholds, persistent=False)

    def _all_steps(self, x: Tensor, T: int | None) -> Trajectory:
        steps = steps_of(x, T)
        wide = torch.promote_types(x.dtype, torch.float32)
        # Under autocast the product would be rounded to half precision.
        with torch.autocast(x.device.type, enabled=False):
            h = self.potentials(x.to(wide), steps)
        thresholds = self.threshold().to(wide)[:steps].view(-1, *[1] * (h.ndim - 1))
        s = self._fired(h - thresholds).to(x.dtype)
        self.v_seq = h if self.store_v_seq else None
        run = Trajectory(s, h[-1].to(x.dtype))
        if not self._watched:
            return run
        seen = h.detach()
        return run._replace(h=seen, v=seen, more={THRESHOLD: thresholds.detach().expand_as(seen)})

    def _step_by_step(self, x: Tensor, T: int | None, own_rule: bool) -> Trajectory:
        return self._all_steps(x, T)

    def _fired(self, distance: Tensor) -> Tensor:
        fire = self.surrogate_function
        if isinstance(fire, Surrogate) and fire.random:
            # Random numbers are drawn step by step, for the rows of a batch.
            return torch.stack([fire(of_step) for of_step in distance])
        return fire(distance)

    @property
    def _recorded_more(self) -> tuple[str, ...]:
        return (THRESHOLD,)


class PSNNode(ParallelNode):
    """Parallel spiking neuron: `h[t] = Σ_i weight[t, i] x[i]`, fires where `h[t] >= thresholds[t]`; no reset.

    Args:
        T: number of time steps; a longer sequence is refused.
        causal: True leaves out later inputs, `weight[t, i]` for i > t, as the masked PSN does in the end. Then a
            shorter sequence is allowed too.
        v_threshold: threshold at the start.
        learn_threshold: whether the threshold of each step is learnt, as in the paper.
        surrogate_function, monitor_state, step_mode: as in `BaseNode`; only step_mode 'm' can compute.
        v_reset, detach_reset: for the sake of other neurons; they change nothing, as there is no reset.

    Attributes:
        weight: learnt, `[T, T]`; at the start uniform in ±1/√T.
        thresholds: `[T]`.

    Raises:
        ValueError: `T` below 1, a sequence of another length, or step_mode 's'.
    """

    states: ClassVar[tuple[str, ...]] = ("v",)

    unparallelizable = False

    def __init__(
        self,
        T: int,
        causal: bool = False,
        v_threshold: float = 1.0,
        v_reset: float | None = None,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "m",
        *,
        learn_threshold: bool = True,
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode)
        if T < 1:
            raise ValueError(f"T must be at least 1 time step, not {T}")
        self.T, self.causal = T, bool(causal)
        self.weight = nn.Parameter(torch.empty(T, T).uniform_(-1 / math.sqrt(T), 1 / math.sqrt(T)))
        self._set_thresholds(T, learn_threshold)

    def potentials(self, x: Tensor, T: int) -> Tensor:
        if self.step_mode == "s":
            raise ValueError("PSNNode needs all steps at once, step_mode='m'; SlidingPSNNode also takes one by one")
        if T > self.T or (T < self.T and not self.causal):
            allowed = f"at most {self.T}" if self.causal else f"exactly {self.T}"
            hint = "" if self.causal else ", or any shorter sequence with causal=True"
            raise ValueError(
                f"PSNNode has weights for {allowed} steps{hint}, and was given {T}; SlidingPSNNode takes any number"
            )
        weight = self.weight.to(x.dtype)[:T, :T]
        return _weighted(weight.tril() if self.causal else weight, x)

    def _check_state(self, name: str, state: Tensor, x: Tensor) -> None:
        """Accept a batch of any shape: nothing carries over."""

    def extra_repr(self) -> str:
        return f"T={self.T}, causal={self.causal}, {_shown(self)}"


class SlidingPSNNode(ParallelNode):
    """Sliding parallel spiking neuron: `h[t] = Σ_i weight[i] x[t - order + 1 + i]`, fires at the threshold; no reset.

    The same weights at each step see the last `order` inputs, so the number of steps is free.

    Args:
        order: number of inputs that a step sees, its own included.
        v_threshold: threshold at the start.
        learn_threshold: whether the threshold is learnt, as in the paper.
        surrogate_function, monitor_state, step_mode: as in `BaseNode`.
        v_reset, detach_reset: for the sake of other neurons; they change nothing, as there is no reset.

    Attributes:
        weight: learnt, `[order]`; at the start …, 1/4, 1/2, 1.
        thresholds: `[1]`.
        inputs: the state, the last `order - 1` inputs `[order - 1, N, *]`; 0 before the first call.

    Raises:
        ValueError: `order` below 1.
    """

    states: ClassVar[tuple[str, ...]] = ("v", "inputs")
    inputs: float | Tensor

    def __init__(
        self,
        order: int = 4,
        v_threshold: float = 1.0,
        v_reset: float | None = None,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "s",
        *,
        learn_threshold: bool = True,
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode)
        if order < 1:
            raise ValueError(f"order must be at least 1 input, not {order}")
        self.order = order
        self.weight = nn.Parameter(0.5 ** torch.arange(order - 1, -1, -1, dtype=torch.get_default_dtype()))
        self._set_thresholds(1, learn_threshold)

    def potentials(self, x: Tensor, T: int) -> Tensor:
        past, before = self.inputs, self.order - 1
        weight = self._band(T).to(x.dtype)
        h = _weighted(weight[:, before:], x)
        if isinstance(past, Tensor) and before:
            h = h + _weighted(weight[:, :before], past.to(x.dtype))
        self.inputs = self._last_inputs(x, T)
        return h

    def _band(self, T: int) -> Tensor:
        """Return the weight of each input at each step, `[T, order - 1 + T]`; the first are inputs of earlier calls."""
        inputs = torch.arange(self.order - 1 + T, device=self.weight.device)
        tap = inputs - torch.arange(T, device=self.weight.device).unsqueeze(1)
        return torch.where((tap >= 0) & (tap < self.order), self.weight[tap.clamp(0, self.order - 1)], 0)

    def _last_inputs(self, x: Tensor, T: int) -> float | Tensor:
        before = self.order - 1
        if not before:
            return 0.0
        recent = x.expand(T, *x.shape[1:])[-before:]
        if before <= T:
            return recent.clone()
        past = self.inputs if isinstance(self.inputs, Tensor) else x.new_zeros(before, *x.shape[1:])
        return torch.cat([past[T:].to(x.dtype), recent])

    def _check_state(self, name: str, state: Tensor, x: Tensor) -> None:
        if name == "inputs":
            super()._check_state(name, state, torch.empty(1, self.order - 1, *x.shape[1:], device="meta"))

    def extra_repr(self) -> str:
        return f"order={self.order}, {_shown(self)}"


def _weighted(weight: Tensor, x: Tensor) -> Tensor:
    """Return `weight x` over time, `[T, N, *]` in x's memory order, for a weight `[T, steps]` or a constant input."""
    if len(x) == 1 and weight.shape[1] > 1:
        weight = weight.sum(1, keepdim=True)
    order = [0, *sorted(range(1, x.ndim), key=lambda dim: -x.stride()[dim])]
    by_memory = x.permute(order)
    product = torch.unflatten(weight @ by_memory.flatten(1), 1, by_memory.shape[1:])
    return product.permute([order.index(dim) for dim in range(x.ndim)])


def _shown(node: ParallelNode) -> str:
    learnt = isinstance(node.thresholds, nn.Parameter)
    return (
        f"v_threshold={arguments.shown(node.thresholds)}, learn_threshold={learnt}, "
        f"surrogate_function={node.surrogate_function}, step_mode={node.step_mode!r}"
    )
