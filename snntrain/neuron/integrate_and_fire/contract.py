"""The arguments and results of an executor of the recurrence."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import NamedTuple, Protocol, TypeGuard, cast

from torch import Tensor


class Rule(NamedTuple):
    """The rule of firing and reset. `kind`, `p`, `q` define the surrogate, see `formulas`; `v_reset` None is soft."""

    v_threshold: float
    v_reset: float | None
    detach_reset: bool
    kind: int
    p: float
    q: float


class Inputs(NamedTuple):
    """The inputs of a recurrence; all tensors have the neurons of a step in the same order, see `layout`.

    Args:
        x: `[T, N, *]`, or `[1, N, *]` if all T steps have the same input and share its gradient. The steps may share
            one memory (stride 0).
        T: number of steps.
        neurons: M, the neurons per step.
        gain, feedback, rest, v0: `[N, *]`, or for all neurons together a number or a tensor of one number.
    """

    x: Tensor
    T: int
    neurons: int
    gain: float | Tensor
    feedback: float | Tensor
    rest: float | Tensor
    v0: float | Tensor

    @property
    def coefficients(self) -> tuple[float | Tensor, ...]:
        return self.gain, self.feedback, self.rest


class Learnt(NamedTuple):
    """The coefficients that require a gradient."""

    gain: bool
    feedback: bool
    rest: bool


class Parts(NamedTuple):
    """Terms that add up to the gradient of a coefficient; None if no gradient is wanted.

    They are `[M]`, one per neuron, if each neuron has its own coefficient.
    """

    gain: Tensor | None
    feedback: Tensor | None
    rest: Tensor | None


class Executor(Protocol):
    """The recurrence on tensors in one order: `reference`, and the compiled `cpu` and `cuda`."""

    def forward(
        self, rule: Rule, given: Inputs, s: Tensor, v_last: Tensor, h: Tensor | None = None, v: Tensor | None = None
    ) -> None:
        """Write the spikes `s` `[T, N, *]`, the last potential `v_last` `[N, *]`, and all `h` and `v` if given.

        `h` and `v` are float32 (float64 if x is); the others have x's dtype.
        """

    def backward(
        self,
        rule: Rule,
        given: Inputs,
        grad_s: Tensor,
        grad_v_last: Tensor | None,
        grad_x: Tensor,
        grad_v0: Tensor | None,
        learnt: Learnt,
    ) -> Parts:
        """Write `grad_x`, with x's shape and dtype, and `grad_v0` `[M]`, with h's dtype, unless it is None.

        Args:
            grad_s: `[T, N, *]`; like `grad_v_last` it has x's dtype.
            learnt: the coefficients whose gradients are returned.
        """


def one_each(values: float | Tensor) -> TypeGuard[Tensor]:
    """Return whether a coefficient or state has a number per neuron, not one for all."""
    return isinstance(values, Tensor) and values.numel() > 1


def number(values: float | Tensor) -> float:
    """Return the number that all neurons share."""
    return values.item() if isinstance(values, Tensor) else values


@cache
def load(name: str) -> Executor:
    """Return the executor of that name; its compiler is imported at the first use."""
    return cast(Executor, import_module(f"snntrain.neuron.integrate_and_fire.{name}"))
