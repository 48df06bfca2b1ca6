"""The base of all spiking neurons: states, a threshold, a reset, a monitor, and one step or many at a time."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from snntrain.neuron import arguments, surrogate
from snntrain.neuron.integrate_and_fire import (
    Coefficient,
    Trajectory,
    charge,
    fire_and_reset,
    integrate_and_fire,
    steps_of,
)
from snntrain.neuron.integrate_and_fire.reference import run
from snntrain.neuron.integrate_and_fire.rest import exactly_at_rest
from snntrain.neuron.learnable import STARTS, awaits_shape, has_shape, learnable, logged, materialise, take_shapes

log = logging.getLogger(__name__)

# Attributes that are checked and converted whenever they are set.
CHECKED: dict[str, Callable[[Any], Any]] = {
    "step_mode": arguments.step_mode,
    "v_threshold": arguments.v_threshold,
    "v_reset": arguments.v_reset,
    "surrogate_function": arguments.surrogate_function,
}
# The name under which a changing threshold is recorded.
THRESHOLD = "threshold"


class BaseNode(nn.Module):
    """A layer of spiking neurons; one step is charge, fire, reset.

    A subclass defines its charge either by the three coefficients of `h = v + gain (x + feedback (v - rest))`, see
    `dynamics`, or, if it is not affine, by a rule of its own, `charge(x)`. It may have more states than `v`: it names
    them in `states`, changes them after each step in `adapt(s)`, and may move its `threshold()` with them.

    Args:
        v_threshold: a neuron fires if its charged potential is `>=` this; a finite number, or an `nn.Parameter` that
            broadcasts over `[N, *]` and is learnt (in plain PyTorch, which is slower).
        v_reset: potential after a spike (hard reset), a finite number; None subtracts the threshold instead (soft
            reset).
        surrogate_function: firing rule, see `snntrain.neuron.surrogate`.
        detach_reset: True keeps the reset out of the gradient.
        monitor_state: True records `h`, `v` and `s` of every step, see `monitor`.
        step_mode: 's', a call is one step of `[N, *]`; 'm', a call is all steps of `[T, N, *]`.
        learn_threshold: True learns the threshold from its start `v_threshold`: it is
            `max(0, v_reset) + exp(log_threshold)`, so it stays above the reset and above 0.
        per_neuron: True learns one constant for each neuron, not one for the layer. The first input or a `state_dict`
            gives the constants their shape; an optimizer must be built after it.

    Attributes:
        states: names of the states, `v` first. Each is an attribute like `v`.
        v: membrane potential, a float until the first input determines its shape, device and dtype. It carries over
            from call to call until `reset()`, moves with the module, and is never part of the `state_dict()`. Copies
            and pickles keep its numbers but not its graph. It may be set to a tensor from which the next call starts.
        store_v_seq: True keeps the potentials of each call in `v_seq`, in plain PyTorch, which is slower.
        v_seq: None, or the potential after each step of the last call, `[T, N, *]`, float32 at least, with its
            gradient: for losses on the potential.
        monitor: None, or a dict of the lists 'h' (after charging), 'v' (after the reset) and 's' (spikes), and a list
            for each further state and for a changing threshold. Each list has a NumPy array `[N, *]` per step.
        observer: None, or a function of the `Trajectory` of each call, with all `h` and `v`, on the device of the
            computation.

    Raises:
        ValueError: an unknown `step_mode`, a threshold or reset that is not finite, a learnt threshold that does not
            start above the reset and above 0, or an input with a wrong shape or of a wrong kind.
        TypeError: a value of a wrong type, such as the class of a surrogate instead of an instance.
    """

    unparallelizable = True
    states: ClassVar[tuple[str, ...]] = ("v",)
    # False for a layer whose output is not spikes.
    spiking: ClassVar[bool] = True
    learn_threshold: bool = False
    log_threshold: Tensor

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "s",
        *,
        learn_threshold: bool = False,
        per_neuron: bool = False,
    ) -> None:
        super().__init__()
        self.v_threshold: float | Tensor = v_threshold
        self.v_reset = v_reset
        self.surrogate_function = surrogate_function
        self.detach_reset = bool(detach_reset)
        self.step_mode = step_mode
        self.v: float | Tensor
        self.store_v_seq = False
        self.v_seq: Tensor | None = None
        self.monitor: dict[str, list[np.ndarray]] | None = None
        self.observer: Callable[[Trajectory], None] | None = None
        if learn_threshold:
            self._learn_threshold(per_neuron)
        elif per_neuron and type(self).learnt is BaseNode.learnt:
            raise ValueError(
                f"{type(self).__name__} learns no constant of its own: per_neuron=True needs learn_threshold=True"
            )
        self.set_monitor(monitor_state)
        self.reset()

    def _learn_threshold(self, per_neuron: bool) -> None:
        start, least = self.v_threshold, max(0.0, self.rest)
        if isinstance(start, Tensor) or not start > least:
            raise ValueError(
                f"learn_threshold=True needs a number v_threshold above {least:g}, the greater of v_reset and 0, "
                f"not {arguments.shown(start)}"
            )
        self.learn_threshold = True
        learnable(self, "log_threshold", math.log(start - least), per_neuron)

    def __setattr__(self, name: str, value: Any) -> None:
        # States change at every call and are never parameters, buffers or modules, so the search by nn.Module is
        # skipped.
        if name in self.states:
            object.__setattr__(self, name, arguments.state(name, value))
        elif name == "v_seq":
            object.__setattr__(self, name, value)
        else:
            check = CHECKED.get(name)
            super().__setattr__(name, value if check is None else check(value))

    @property
    def rest(self) -> float:
        """The potential towards which the leak pulls: v_reset, or 0 with a soft reset."""
        return 0.0 if self.v_reset is None else self.v_reset

    def start(self, state: str) -> float:
        """Return the value of a state before the first input; `BaseNode.__init__` calls it."""
        return self.rest if state == "v" else 0.0

    def threshold(self) -> float | Tensor:
        """Return the threshold of the next spikes; a subclass may compute it from its states."""
        if not self.learn_threshold:
            return self.v_threshold
        log_threshold = self.log_threshold
        wide = torch.promote_types(log_threshold.dtype, torch.float32)
        return log_threshold.to(wide).exp() + max(0.0, self.rest)

    def adapt(self, s: Tensor) -> None:
        """Change the states after a step with the spikes `s` `[N, *]`; `v` is already reset."""

    def learnt(self) -> dict[str, float]:
        """Return the learnt constants that a run logs, by name: the threshold, if it is learnt."""
        if not self.learn_threshold or not has_shape(self.log_threshold):
            return {}
        return logged(THRESHOLD, torch.as_tensor(BaseNode.threshold(self)))

    @property
    def has_own_rule(self) -> bool:
        """Whether a subclass replaces a part of the step, so that only plain PyTorch can run it."""
        kind = type(self)
        return (
            kind.charge is not BaseNode.charge
            or kind.threshold is not BaseNode.threshold
            or kind.adapt is not BaseNode.adapt
            or len(self.states) > 1
        )

    def dynamics(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        """Return gain, feedback and rest of the charge `h = v + gain (x + feedback (v - rest))`.

        Each is a float, or a tensor that broadcasts over `[N, *]`. LIF has gain 1/tau and feedback -1.
        """
        raise NotImplementedError(f"{type(self).__name__} defines neither dynamics() nor charge(x)")

    def charge(self, x: Tensor) -> Tensor:
        """Return the charged potential `h` of one step, from the input `x` `[N, *]` and the state `self.v`."""
        return charge(self.v, x, *self.dynamics())

    def forward(self, x: Tensor, T: int | None = None) -> Tensor:
        """Return the spikes for the input current, of its shape: `[N, *]` in step_mode 's', `[T, N, *]` in 'm'.

        Args:
            x: dense and real; integers and booleans become torch's default dtype.
            T: with step_mode 'm', the number of steps; x may then be `[1, N, *]`, the same current at each step.
        """
        arguments.check_input(x)
        if self.step_mode == "s":
            if T is not None:
                raise ValueError(f"T={T} goes with step_mode='m'; with step_mode='s' a call is one step")
            return self._run(x.unsqueeze(0), None).squeeze(0)
        return self._run(x, T)

    def _run(self, x: Tensor, T: int | None) -> Tensor:
        if x.ndim == 0 or x.shape[0] == 0:
            raise ValueError(f"{type(self).__name__} needs at least one time step, got {list(x.shape)}")
        for name in self.states:
            state = getattr(self, name)
            if isinstance(state, Tensor):
                self._check_state(name, state, x)
        x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        if STARTS in self.__dict__:
            materialise(self, x.shape[2:])
        own_rule = self.has_own_rule
        plain = own_rule or self.store_v_seq
        if self.v_seq is not None:
            self.v_seq = None
        trajectory = self._step_by_step(x, T, own_rule) if plain else self._all_steps(x, T)
        self.v = trajectory.v_last
        if self.monitor is not None:
            recorded = {"h": trajectory.h, "v": trajectory.v, "s": trajectory.s, **trajectory.more}
            for name, sequence in recorded.items():
                # A copy: on a CPU the array would share memory with the spikes that are passed to the next layer.
                self.monitor[name].extend(_storable(sequence).cpu().numpy().copy())
        if self.observer is not None:
            self.observer(trajectory)
        return trajectory.s

    def _check_state(self, name: str, state: Tensor, x: Tensor) -> None:
        kind = type(self).__name__
        if state.shape != x.shape[1:]:
            raise ValueError(
                f"{kind} holds the state of a batch of shape {list(state.shape)} and was given "
                f"{list(x.shape[1:])}: call reset() before a batch of another shape"
            )
        if torch.compiler.is_compiling():
            return
        if state.is_inference() and not torch.is_inference_mode_enabled():
            # Gradients cannot reach back into inference mode, and need not.
            setattr(self, name, state.clone())
        elif arguments.is_left_over(state):
            raise ValueError(f"{kind} holds the state of a torch.func transform that has ended: call reset()")

    def _all_steps(self, x: Tensor, T: int | None) -> Trajectory:
        return integrate_and_fire(
            x,
            *self.dynamics(),
            self.v,
            v_threshold=self.threshold(),
            v_reset=self.v_reset,
            surrogate=self.surrogate_function,
            detach_reset=self.detach_reset,
            T=T,
            record=self._watched,
        )

    def _step_by_step(self, x: Tensor, T: int | None, own_rule: bool) -> Trajectory:
        """Run the same loop in plain PyTorch with the subclass's own rules, which read the states of `self`."""
        if own_rule and not torch.compiler.is_compiling():
            _log_once(type(self).__name__)
        steps, sequence = steps_of(x, T), []
        current = x.to(torch.promote_types(x.dtype, torch.float32))
        coefficients = None if own_rule else self.dynamics()
        more: dict[str, list[Tensor]] = {name: [] for name in self._recorded_more}

        def step(v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
            self.v = v
            x_t = current[t if len(current) > 1 else 0]
            h = self.charge(x_t) if coefficients is None else charge(v, x_t, *coefficients)
            v_threshold = self.threshold()
            s, self.v = fire_and_reset(h, v_threshold, self.v_reset, self.surrogate_function, self.detach_reset)
            self.adapt(s)
            if self.store_v_seq:
                sequence.append(self.v)
            if self._watched:
                for name, steps_of_it in more.items():
                    value = torch.as_tensor(v_threshold if name == THRESHOLD else getattr(self, name))
                    steps_of_it.append(value.detach().to(h).expand(h.shape))
            return h, s, self.v

        def begun(state: float | Tensor) -> Tensor:
            return state.to(current.dtype) if isinstance(state, Tensor) else torch.full_like(current[0], state)

        for name in self.states[1:]:
            setattr(self, name, begun(getattr(self, name)))
        trajectory = run(step, begun(exactly_at_rest(self.v, self.rest)), steps, x.dtype, record=self._watched)
        for name in self.states[1:]:
            setattr(self, name, getattr(self, name).to(x.dtype))
        if self.store_v_seq:
            self.v_seq = torch.stack(sequence)
        return trajectory._replace(more={name: torch.stack(values) for name, values in more.items() if values})

    @property
    def _watched(self) -> bool:
        return self.monitor is not None or self.observer is not None

    @property
    def _recorded_more(self) -> tuple[str, ...]:
        """Names of the sequences that are recorded besides `h`, `v` and `s`."""
        moves = type(self).threshold is not BaseNode.threshold
        return (*self.states[1:], THRESHOLD) if moves else self.states[1:]

    def reset(self) -> None:
        """Forget the states: each is a float again, `v_seq` is None, and the monitor's lists are empty."""
        for name in self.states:
            setattr(self, name, self.start(name))
        if self.v_seq is not None:
            self.v_seq = None
        if self.monitor is not None:
            self.set_monitor(True)

    def detach(self) -> None:
        """Keep the values of the states without their graph, for truncated back-propagation through time."""
        self._change_states(Tensor.detach)
        self.v_seq = None

    def set_monitor(self, monitor_state: bool = True) -> None:
        """Switch the recording on, with empty lists, or off."""
        self.monitor = {name: [] for name in ("h", "v", "s", *self._recorded_more)} if monitor_state else None

    def extra_repr(self) -> str:
        learnt = ", learn_threshold=True" if self.learn_threshold else ""
        return (
            f"v_threshold={arguments.shown(self.v_threshold)}{learnt}, v_reset={self.v_reset}, "
            f"surrogate_function={self.surrogate_function}, detach_reset={self.detach_reset}, "
            f"step_mode={self.step_mode!r}"
        )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> BaseNode:
        """Move the states along with the module (`.to(device)`, `.half()`, …)."""
        super()._apply(fn, recurse)
        self._change_states(fn)
        return self

    def _save_to_state_dict(self, *given: Any) -> None:
        if awaits_shape(self):
            raise ValueError(
                f"{type(self).__name__} has constants per neuron without a shape: give it an input before its "
                "state_dict is read"
            )
        super()._save_to_state_dict(*given)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        take_shapes(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *others)

    def _change_states(self, function: Callable[[Tensor], Tensor]) -> None:
        for name in self.states:
            state = getattr(self, name)
            if isinstance(state, Tensor):
                setattr(self, name, function(state))

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for copies and pickles, with the states without their graph, which cannot be copied."""
        states = {name: getattr(self, name) for name in self.states}
        kept = {name: k.detach() if isinstance(k, Tensor) else k for name, k in states.items()}
        return self.__dict__ | kept | {"v_seq": None}

    def _replicate_for_data_parallel(self) -> BaseNode:
        """Return a replica with monitor lists of its own: in shared lists the parts of a batch would mix."""
        replica: BaseNode = super()._replicate_for_data_parallel()
        replica.set_monitor(self.monitor is not None)
        return replica


def _storable(sequence: Tensor) -> Tensor:
    """Return a tensor in a type that NumPy has: half precision becomes float32."""
    return sequence.detach().to(torch.promote_types(sequence.dtype, torch.float32))


@cache
def _log_once(name: str) -> None:
    log.info("%s has rules of its own and runs step by step in plain PyTorch", name)
