"""What an executor of the recurrence takes and returns."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import NamedTuple, Protocol, TypeGuard, cast

from torch import Tensor


class Rule(NamedTuple):
    """How neurons fire and reset; `kind`, `p` and `q` are the surrogate's, see `formulas`. `v_reset` None is soft."""

    v_threshold: float
    v_reset: float | None
    detach_reset: bool
    kind: int
    p: float
    q: float


class Inputs(NamedTuple):
    """What a recurrence is made of; the neurons of a step lie in one order, see `layout`.

    Args:
        x: `[T, N, *]`, or `[1, N, *]` where T steps get the same input and share its gradient. The steps may be one
            memory (stride 0).
        T: number of steps.
        neurons: M, how many a step has.
        gain, feedback, rest, v0: `[N, *]`, or where all neurons share it, a number or a tensor that holds one.
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
    """Which coefficients want a gradient."""

    gain: bool
    feedback: bool
    rest: bool


class Parts(NamedTuple):
    """Parts that add up to a coefficient's gradient; `[M]`, a part per neuron, where neurons have their own.

    None where no gradient is wanted.
    """

    gain: Tensor | None
    feedback: Tensor | None
    rest: Tensor | None


class Executor(Protocol):
    """The recurrence on tensors in one order: `reference`, and the compiled `cpu` and `cuda`."""

    def forward(
        self, rule: Rule, given: Inputs, s: Tensor, v_last: Tensor, h: Tensor | None = None, v: Tensor | None = None
    ) -> None:
        """Writes the spikes `s` `[T, N, *]`, the last potential `v_last` `[N, *]`, and all `h` and `v` if given.

        `h` and `v` are float32 (float64 if x is), the others of x's dtype.
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
        """Writes `grad_x`, of x's shape and dtype, and `grad_v0` `[M]`, of h's dtype, unless it is None.

        Args:
            grad_s: `[T, N, *]`; it and `grad_v_last` have x's dtype.
            learnt: which coefficients' gradients to return.
        """


def one_each(values: float | Tensor) -> TypeGuard[Tensor]:
    """Whether a coefficient or state has a number for each neuron, not one for all."""
    return isinstance(values, Tensor) and values.numel() > 1


def number(values: float | Tensor) -> float:
    """The number that all neurons share."""
    return values.item() if isinstance(values, Tensor) else values


@cache
def load(name: str) -> Executor:
    """Return the executor of that name; its compiler is imported at the first use."""
    return cast(Executor, import_module(f"snntrain.neuron.integrate_and_fire.{name}"))
