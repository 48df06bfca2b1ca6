"""What every spiking neuron has: a state, a threshold, a reset, a monitor, and one step or many at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snntrain.neuron import surrogate
from snntrain.neuron.recurrence import Coefficient, Trajectory, fire_and_reset, integrate_and_fire
from snntrain.neuron.recurrence.reference import run

log = logging.getLogger(__name__)


class BaseNode(nn.Module):
    """A layer of spiking neurons; one step is charge, fire, reset.

    A subclass gives its charge either as the three `coefficients` of `h = a v + b x + c`, or, where it is not affine,
    as a rule of its own, `charge(x)`.

    Args:
        v_threshold: a neuron fires where its charged potential is `>=` this.
        v_reset: potential after a spike (hard reset); None subtracts the threshold instead (soft reset).
        surrogate_function: firing rule, see `snntrain.neuron.surrogate`.
        detach_reset: True keeps the reset out of the gradient.
        monitor_state: True records `h`, `v` and `s` of every step, see `monitor`.
        step_mode: 's', a call is one step of `[N, *]`; 'm', a call is all steps of `[T, N, *]`.

    Attributes:
        v: membrane potential, a float until the first input gives it its shape, device and dtype. It carries over
            from call to call until `reset()`, and is never part of the `state_dict()`.
        monitor: None, or a dict of the lists 'h' (after charging), 'v' (after the reset) and 's' (spikes), a NumPy
            array `[N, *]` a step in each.
        observer: None, or what is given the `Trajectory` of every call, all `h` and `v` in it, where it was computed.

    Raises:
        ValueError: an unknown `step_mode`, or an input whose shape does not fit the state.
    """

    unparallelizable = True

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "s",
    ) -> None:
        super().__init__()
        if step_mode not in ("s", "m"):
            raise ValueError(f"step_mode must be 's' (one step) or 'm' (all steps at once), not {step_mode!r}")
        self.v_threshold = float(v_threshold)
        self.v_reset = None if v_reset is None else float(v_reset)
        self.surrogate_function = surrogate_function
        self.detach_reset = bool(detach_reset)
        self.step_mode = step_mode
        self.v: float | Tensor = 0.0
        self.monitor: dict[str, list[np.ndarray]] | None = None
        self.observer: Callable[[Trajectory], None] | None = None
        self.set_monitor(monitor_state)
        self.reset()

    @property
    def rest(self) -> float:
        """The potential that the leak pulls towards: v_reset, or 0 with a soft reset."""
        return 0.0 if self.v_reset is None else self.v_reset

    def coefficients(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        """`a`, `b`, `c` of the charge `h = a v + b x + c`: floats, or tensors that broadcast over `[N, *]`."""
        raise NotImplementedError(f"{type(self).__name__} defines neither coefficients() nor charge(x)")

    def charge(self, x: Tensor) -> Tensor:
        """The charged potential `h` of one step, from the input `x` `[N, *]` and the state `self.v`."""
        a, b, c = self.coefficients()
        return a * self.v + b * x + c

    def forward(self, x: Tensor, T: int | None = None) -> Tensor:
        """Spikes of the input current: `[N, *]` to `[N, *]` with step_mode 's', `[T, N, *]` to `[T, N, *]` with 'm'.

        With step_mode 'm' and `T` given, x is `[1, N, *]`, a current that is the same at each of T steps.
        """
        if self.step_mode == "s":
            return self._run(x.unsqueeze(0), None).squeeze(0)
        return self._run(x, T)

    def _run(self, x: Tensor, T: int | None) -> Tensor:
        if x.ndim == 0 or x.shape[0] == 0:
            raise ValueError(f"{type(self).__name__} needs at least one time step, got {list(x.shape)}")
        if isinstance(self.v, Tensor) and self.v.shape != x.shape[1:]:
            raise ValueError(
                f"{type(self).__name__} holds the state of a batch of shape {list(self.v.shape)} and was given "
                f"{list(x.shape[1:])}: call reset() before a batch of another shape"
            )
        x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        own_rule = type(self).charge is not BaseNode.charge
        trajectory = self._step_by_step(x, T) if own_rule else self._all_steps(x, T)
        self.v = trajectory.v_last
        if self.monitor is not None:
            for name, sequence in (("h", trajectory.h), ("v", trajectory.v), ("s", trajectory.s)):
                # A copy: on a CPU the array would share memory with the spikes that the next layer gets.
                self.monitor[name].extend(_storable(sequence).cpu().numpy().copy())
        if self.observer is not None:
            self.observer(trajectory)
        return trajectory.s

    def _all_steps(self, x: Tensor, T: int | None) -> Trajectory:
        return integrate_and_fire(
            x,
            *self.coefficients(),
            self.v,
            v_threshold=self.v_threshold,
            v_reset=self.v_reset,
            surrogate=self.surrogate_function,
            detach_reset=self.detach_reset,
            T=T,
            record=self._watched,
        )

    def _step_by_step(self, x: Tensor, T: int | None) -> Trajectory:
        """The same loop around a charge rule of the subclass's own, which reads `self.v`."""
        if not torch.compiler.is_compiling():
            _tell_once(type(self).__name__)
        current = x.to(torch.promote_types(x.dtype, torch.float32))

        def step(v: Coefficient, t: int) -> tuple[Tensor, Tensor, Tensor]:
            self.v = v
            h = self.charge(current[0 if T else t])
            return h, *fire_and_reset(h, self.v_threshold, self.v_reset, self.surrogate_function, self.detach_reset)

        v = self.v.to(current.dtype) if isinstance(self.v, Tensor) else torch.full_like(current[0], self.v)
        return run(step, v, T or len(x), x.dtype, record=self._watched)

    @property
    def _watched(self) -> bool:
        return self.monitor is not None or self.observer is not None

    def reset(self) -> None:
        """Forgets the state: `v` is a float again, and the monitor's lists are empty."""
        self.v = self.rest
        if self.monitor is not None:
            self.set_monitor(True)

    def set_monitor(self, monitor_state: bool) -> None:
        """Switches the recording of `h`, `v` and `s` on, with empty lists, or off."""
        self.monitor = {"h": [], "v": [], "s": []} if monitor_state else None

    def extra_repr(self) -> str:
        return (
            f"v_threshold={self.v_threshold}, v_reset={self.v_reset}, surrogate_function={self.surrogate_function}, "
            f"detach_reset={self.detach_reset}, step_mode={self.step_mode!r}"
        )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> BaseNode:
        """Moves the state along with the module (`.to(device)`, `.half()`, …)."""
        super()._apply(fn, recurse)
        if isinstance(self.v, Tensor):
            self.v = fn(self.v)
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles take the state's value and leave its graph, which cannot be copied, behind."""
        return self.__dict__ | {"v": self.v.detach() if isinstance(self.v, Tensor) else self.v}


def spiking_layers(net: nn.Module) -> Iterator[tuple[str, BaseNode]]:
    """Every spiking layer inside `net` with its qualified name, in the order of `named_modules()`."""
    return ((name, module) for name, module in net.named_modules() if isinstance(module, BaseNode))


def reset_net(net: nn.Module) -> None:
    """Forgets the state of every spiking layer inside `net`."""
    for _, layer in spiking_layers(net):
        layer.reset()


def _storable(sequence: Tensor) -> Tensor:
    """What NumPy has a type for: half precision becomes float32."""
    return sequence.detach().to(torch.promote_types(sequence.dtype, torch.float32))


@cache
def _tell_once(name: str) -> None:
    log.info("%s has a charge rule of its own and runs step by step in plain PyTorch", name)
