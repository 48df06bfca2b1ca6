"""The surrogates of compiled code, each with a number and up to two shape parameters."""

from collections.abc import Callable
from typing import NamedTuple

from snntrain.neuron import surrogate


class Formula(NamedTuple):
    """A surrogate gradient for the compiled executors: its index in `KINDS`, and its shape parameters."""

    kind: int
    p: float
    q: float


# The executors branch on the position in this list.
KINDS: tuple[type[surrogate.Surrogate], ...] = (
    surrogate.PiecewiseQuadratic,
    surrogate.PiecewiseExp,
    surrogate.Sigmoid,
    surrogate.SoftSign,
    surrogate.ATan,
    surrogate.NonzeroSignLogAbs,
    surrogate.Erf,
    surrogate.PiecewiseLeakyReLU,
    surrogate.SuperSpike,
    surrogate.Rectangle,
)


def formula(function: object) -> Formula | None:
    """Return the formula of a surrogate of this package; None for any other firing rule, or if it does not spike.

    A subclass may have another gradient, so only the classes themselves count.
    """
    if type(function) not in KINDS or not function.spiking:  # type: ignore[attr-defined]
        return None
    kind = KINDS.index(type(function))
    if isinstance(function, surrogate.PiecewiseLeakyReLU):
        return Formula(kind, function.w, function.c)
    return Formula(kind, function.alpha, 0.0)  # type: ignore[attr-defined]


def surrogate_of(kind: int, p: float, q: float) -> surrogate.Surrogate:
    """Return the surrogate of a formula."""
    of_kind: Callable[..., surrogate.Surrogate] = KINDS[kind]
    return of_kind(p, q) if of_kind is surrogate.PiecewiseLeakyReLU else of_kind(p)
