"""The arguments and results of an executor of the recurrence with two states."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from torch import Tensor

from snntrain.neuron.integrate_and_fire.contract import Rule

# The places where the second state acts, in the order of their numbers, see `two_states`.
PLACES = ("filter", "current", "threshold")
FILTER, CURRENT, THRESHOLD = range(3)


class Coefficients(NamedTuple):
    """The coefficients of the recurrence, see `reference`: numbers, or tensors that broadcast over a step."""

    gain: float | Tensor
    feedback: float | Tensor
    rest: float | Tensor
    decay: float | Tensor
    inflow: float | Tensor
    jump: float | Tensor


# Names of all values that an operator takes as a tensor or as a number: coefficients, and states before the first step.
NAMES = (*Coefficients._fields, "v", "w")


class Inputs(NamedTuple):
    """The inputs of a recurrence; all tensors have the neurons of a step in the same order, see `layout`.

    Args:
        x: `[T, N, *]`, or `[1, N, *]` if all T steps have the same input and share its gradient. The steps may share
            one memory (stride 0).
        T: number of steps.
        neurons: M, the neurons per step.
        place: the number of the second state's place, see `PLACES`.
        coefficients: each `[N, *]`, or for all neurons together a number or a tensor of one number.
        v0, w0: the states before the first step, in the same forms.
    """

    x: Tensor
    T: int
    neurons: int
    place: int
    coefficients: Coefficients
    v0: float | Tensor
    w0: float | Tensor

    @property
    def is_constant(self) -> bool:
        """Whether one input serves several steps."""
        return self.x.shape[0] == 1 and self.T > 1


class Outputs(NamedTuple):
    """The tensors to which an executor writes its results.

    Args:
        s: spikes `[T, N, *]`.
        v_last, w_last: states after the last step `[N, *]`; like `s` they have x's dtype.
        h, v, w: None, or for each step the charged potential and the states after it, `[T, N, *]`, float32 (float64 if
            x is).
    """

    s: Tensor
    v_last: Tensor
    w_last: Tensor
    h: Tensor | None = None
    v: Tensor | None = None
    w: Tensor | None = None


class Pulls(NamedTuple):
    """The gradients of the results: of the spikes `[T, N, *]`, and of the last states `[N, *]`, in x's dtype."""

    s: Tensor
    v_last: Tensor | None
    w_last: Tensor | None


class Gradients(NamedTuple):
    """The tensors to which an executor writes gradients: `x` has x's shape and dtype; `v0` and `w0` are `[M]` or None.

    `v0` and `w0` have the dtype of the computation.
    """

    x: Tensor
    v0: Tensor | None
    w0: Tensor | None


# Terms that add up to the gradient of each coefficient; None if it is not wanted. They are `[M]`, one per neuron, if
# each neuron has its own coefficient.
Parts = Sequence[Tensor | None]


class Executor(Protocol):
    """The recurrence on tensors in one order: `reference`, and the compiled `cpu` and `cuda`."""

    def forward(self, rule: Rule, given: Inputs, out: Outputs) -> None:
        """Write the results."""

    def backward(self, rule: Rule, given: Inputs, pulls: Pulls, out: Gradients, learnt: Sequence[bool]) -> Parts:
        """Write gradients, and return those of the coefficients that are `learnt`, in the order of `Coefficients`."""


@cache
def load(name: str) -> Executor:
    """Return the executor of that name; its compiler is imported at the first use."""
    return cast(Executor, import_module(f"snntrain.neuron.two_states.{name}"))
