"""The neurons: IF, LIF, PLIF, RIF. Each is its parameters and the coefficients of `h = a v + b x + c`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.neuron import clamp as clamps
from snntrain.neuron import surrogate
from snntrain.neuron.base import BaseNode
from snntrain.neuron.recurrence import Coefficient


class IFNode(BaseNode):
    """Integrate-and-fire: `h = v + x`. Arguments as in `BaseNode`."""

    def coefficients(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        return 1.0, 1.0, 0.0


class LIFNode(BaseNode):
    """Leaky integrate-and-fire: `h = v + (x - (v - v_reset)) / tau`, where v_reset counts as 0 with a soft reset.

    Args:
        tau: membrane time constant, in time steps.
        (the others): as in `BaseNode`.

    Raises:
        ValueError: `tau` is not a positive number.
    """

    def __init__(
        self,
        tau: float = 100.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "s",
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode)
        self.tau = _positive("tau", tau)

    def coefficients(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        return 1 - 1 / self.tau, 1 / self.tau, self.rest / self.tau

    def extra_repr(self) -> str:
        return f"tau={self.tau}, {super().extra_repr()}"


class PLIFNode(BaseNode):
    """LIF with a learnable time constant: `h = v + (x - (v - v_reset)) k` (Fang et al., ICCV 2021).

    Args:
        init_tau: time constant at the start, in time steps.
        clamp: False learns `k = w` itself; True learns `k = clamp_function(w)`; the name of a pair in
            `snntrain.neuron.clamp.PAIRS` chooses both functions.
        clamp_function: of a tensor `w`, with values in (0, 1).
        inverse_clamp_function: from a tau (a float) to the `w` at which `clamp_function(w) == 1 / tau`.
        (the others): as in `BaseNode`.

    Attributes:
        w: the learnable parameter, shape `[1]`.

    Raises:
        ValueError: `clamp=True` without both functions, an unknown pair, or a pair that does not give
            `tau() == init_tau` to a relative 1e-4.
    """

    def __init__(
        self,
        init_tau: float = 2.0,
        clamp: bool | str | None = False,
        clamp_function: Callable[[Tensor], Tensor] | None = None,
        inverse_clamp_function: Callable[[float], float] | None = None,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "s",
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode)
        init_tau = _positive("init_tau", init_tau)
        if isinstance(clamp, str):
            if clamp not in clamps.PAIRS:
                raise ValueError(f"clamp={clamp!r} is no clamp pair; the pairs are: {', '.join(clamps.PAIRS)}")
            clamp_function, inverse_clamp_function = clamps.PAIRS[clamp]
        self.clamp = bool(clamp)
        self.clamp_function = clamp_function
        self.w = nn.Parameter(torch.tensor([self._initial_weight(init_tau, inverse_clamp_function)]))
        if not math.isclose(self.tau(), init_tau, rel_tol=1e-4):
            raise ValueError(
                f"init_tau={init_tau} is not in the range of the clamp functions: the neuron would start with "
                f"tau={self.tau():.6g}"
            )

    def _initial_weight(self, init_tau: float, inverse: Callable[[float], float] | None) -> float:
        if not self.clamp:
            return 1 / init_tau
        if self.clamp_function is None or inverse is None:
            raise ValueError(
                "clamp=True needs clamp_function and inverse_clamp_function; "
                f"clamp=<name> chooses a pair: {', '.join(clamps.PAIRS)}"
            )
        try:
            return float(inverse(init_tau))
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            raise ValueError(f"init_tau={init_tau} is not in the range of the clamp functions: {error}") from None

    def decay(self) -> Tensor:
        """`k`, the inverse of tau, differentiable, shape `[1]`."""
        return self.clamp_function(self.w) if self.clamp and self.clamp_function else self.w

    def tau(self) -> float:
        """The current time constant, in time steps."""
        k = self.decay().item()
        return 1 / k if k else math.inf

    def coefficients(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        k = _wide(self.decay())
        return 1 - k, k, k * self.rest if self.rest else 0.0

    def extra_repr(self) -> str:
        return f"tau={self.tau():.4g}, clamp={self.clamp}, {super().extra_repr()}"


class RIFNode(BaseNode):
    """IF with a learnable self connection: `h = v + w (v - v_reset) + x`.

    Args:
        init_w: weight of the self connection at the start.
        amplitude: None learns `w = g` itself; a number A keeps it in (-A, A) by `w = (2 σ(g) - 1) A`; a pair
            (lo, hi) keeps it in (lo, hi) by `w = σ(g) (hi - lo) + lo`.
        (the others): as in `BaseNode`.

    Attributes:
        g: the learnable parameter, shape `[1]`.

    Raises:
        ValueError: an amplitude that is no open interval, or `init_w` outside it.
    """

    def __init__(
        self,
        init_w: float = -1e-3,
        amplitude: float | Sequence[float] | None = None,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "s",
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode)
        self.bounds = _open_interval(amplitude)
        if self.bounds is not None and not self.bounds[0] < init_w < self.bounds[1]:
            raise ValueError(f"init_w={init_w} must lie inside the open interval of amplitude={amplitude}")
        self.g = nn.Parameter(torch.tensor([self._initial_weight(init_w)]))

    def _initial_weight(self, init_w: float) -> float:
        if self.bounds is None:
            return float(init_w)
        lo, hi = self.bounds
        return math.log((init_w - lo) / (hi - init_w))

    def w(self) -> Tensor:
        """The current weight of the self connection, differentiable, shape `[1]`."""
        if self.bounds is None:
            return self.g
        lo, hi = self.bounds
        return torch.sigmoid(self.g) * (hi - lo) + lo

    def coefficients(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        w = _wide(self.w())
        return 1 + w, 1.0, -w * self.rest if self.rest else 0.0

    def extra_repr(self) -> str:
        return f"w={self.w().item():.4g}, bounds={self.bounds}, {super().extra_repr()}"


def _wide(coefficient: Tensor) -> Tensor:
    """In float32 at least: the gradients of a, b and c may overflow one by one where their sum does not."""
    return coefficient.float() if coefficient.element_size() < 4 else coefficient


def _positive(name: str, value: float) -> float:
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be a positive number of time steps, not {value!r}")
    return float(value)


def _open_interval(amplitude: Any) -> tuple[float, float] | None:
    """The bounds that an amplitude stands for: None, a number A for (-A, A), or a pair (lo, hi)."""
    if amplitude is None:
        return None
    pair = (-amplitude, amplitude) if isinstance(amplitude, int | float) else tuple(amplitude)
    if len(pair) != 2 or not -math.inf < pair[0] < pair[1] < math.inf:
        raise ValueError(
            f"amplitude={amplitude} must be a finite number A > 0, for init_w in (-A, A), or a pair lo < hi of them"
        )
    return float(pair[0]), float(pair[1])
