"""The surrogates of compiled code, each with a number and up to two shape parameters."""

from collections.abc import Callable
from typing import NamedTuple

from snntrain.neuron import surrogate
from snntrain.neuron.surrogate.rule import shape_of


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
    surrogate.LeakyKReLU,
    surrogate.LogTailedReLU,
    surrogate.S2NN,
    surrogate.DeterministicPass,
)


def formula(function: object) -> Formula | None:
    """Return the formula of a surrogate of this package; None for any other firing rule, or if it does not spike.

    A subclass may have another gradient, so only the classes themselves count.
    """
    if type(function) not in KINDS or not function.spiking:  # type: ignore[attr-defined]
        return None
    assert isinstance(function, surrogate.Surrogate)
    shape = [float(getattr(function, parameter.name)) for parameter in shape_of(function)]
    return Formula(KINDS.index(type(function)), *shape, *[0.0] * (2 - len(shape)))


def surrogate_of(kind: int, p: float, q: float) -> surrogate.Surrogate:
    """Return the surrogate of a formula."""
    of_kind: Callable[..., surrogate.Surrogate] = KINDS[kind]
    return of_kind(*(p, q)[: len(shape_of(KINDS[kind]))])
