"""The neurons: IF, LIF, PLIF, RIF. Each has its parameters and dynamics, `h = v + gain (x + feedback (v - rest))`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.neuron import arguments, surrogate
from snntrain.neuron import clamp as clamps
from snntrain.neuron.base import BaseNode
from snntrain.neuron.integrate_and_fire import Coefficient


class IFNode(BaseNode):
    """Integrate-and-fire: `h = v + x`. Arguments as in `BaseNode`."""

    def dynamics(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        return 1.0, 0.0, self.rest


class LIFNode(BaseNode):
    """Leaky integrate-and-fire: `h = v + (x - (v - v_reset)) / tau`; with a soft reset, v_reset is 0 here.

    Args:
        tau: membrane time constant, in time steps; a number, or a tensor that broadcasts over `[N, *]`, such as
            `[C, 1, 1]` for one per channel. An `nn.Parameter` is learnt; any other tensor moves with the module and is
            not part of the `state_dict()`.
        others: as in `BaseNode`.

    Raises:
        ValueError: `tau` is not positive.
        TypeError: `tau` is neither a number nor a floating-point tensor.
    """

    tau: float | Tensor

    def __init__(
        self,
        tau: float | Tensor = 100.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "s",
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode)
        if isinstance(tau, Tensor) and (tau.numel() > 1 or isinstance(tau, nn.Parameter)):
            self._keep(tau)
        else:
            self.tau = arguments.positive("tau", tau)

    def _keep(self, tau: Tensor) -> None:
        if not tau.is_floating_point():
            raise TypeError(f"tau must be a number or a floating-point tensor, not one of {tau.dtype}")
        if not tau.is_meta and not bool(((tau > 0) & tau.isfinite()).all()):
            raise ValueError("tau must be positive numbers of time steps, and this tensor has others")
        if isinstance(tau, nn.Parameter):
            self.tau = tau
        else:
            self.register_buffer("tau", tau, persistent=False)

    def dynamics(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        return 1 / _wide(self.tau), -1.0, self.rest

    def extra_repr(self) -> str:
        return f"tau={arguments.shown(self.tau)}, {super().extra_repr()}"


class PLIFNode(BaseNode):
    """LIF with a learnable time constant: `h = v + (x - (v - v_reset)) k` (Fang et al., ICCV 2021).

    Args:
        init_tau: time constant at the start, in time steps.
        clamp: False learns `k = w` itself; True learns `k = clamp_function(w)`; the name of a pair in
            `snntrain.neuron.clamp.PAIRS` chooses both functions.
        clamp_function: a function of a tensor `w`, with values in (0, 1).
        inverse_clamp_function: maps a tau (a float) to the `w` for which `clamp_function(w) == 1 / tau`.
        others: as in `BaseNode`.

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
        init_tau = arguments.positive("init_tau", init_tau)
        if isinstance(clamp, str):
            if clamp not in clamps.PAIRS:
                raise ValueError(f"clamp={clamp!r} is not a clamp pair; the pairs are: {', '.join(clamps.PAIRS)}")
            clamp_function, inverse_clamp_function = clamps.PAIRS[clamp]
        self.clamp = bool(clamp)
        self.clamp_function = clamp_function
        w = self._initial_weight(init_tau, inverse_clamp_function)
        self.w = nn.Parameter(torch.tensor([w]))
        # Not computed from the parameter, which may be on the meta device.
        tau = _inverse(self._decay(torch.tensor([w], device="cpu")).item())
        if not math.isclose(tau, init_tau, rel_tol=1e-4):
            raise ValueError(
                f"init_tau={init_tau} is not in the range of the clamp functions: the neuron would start with "
                f"tau={tau:.6g}"
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
        """Return `k`, the inverse of tau, differentiable, shape `[1]`."""
        return self._decay(self.w)

    def _decay(self, w: Tensor) -> Tensor:
        return self.clamp_function(w) if self.clamp and self.clamp_function else w

    def tau(self) -> float:
        """Return the current time constant, in time steps."""
        return _inverse(self.decay().item())

    def learnt(self) -> dict[str, float]:
        return {"tau": self.tau()}

    def dynamics(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        return _wide(self.decay()), -1.0, self.rest

    def extra_repr(self) -> str:
        tau = "?" if self.w.is_meta else f"{self.tau():.4g}"
        return f"tau={tau}, clamp={self.clamp}, {super().extra_repr()}"


class RIFNode(BaseNode):
    """IF with a learnable self connection: `h = v + w (v - v_reset) + x`.

    Args:
        init_w: weight of the self connection at the start.
        amplitude: None learns `w = g` itself; a number A keeps it in (-A, A) by `w = (2 σ(g) - 1) A`; a pair
            (lo, hi) keeps it in (lo, hi) by `w = σ(g) (hi - lo) + lo`.
        others: as in `BaseNode`.

    Attributes:
        g: the learnable parameter, shape `[1]`.
        amplitude: the given value.
        bounds: None, or the open interval (lo, hi) of the amplitude.

    Raises:
        ValueError: the amplitude is not an open interval, or `init_w` is not finite or lies outside it.
        TypeError: one of them is not a number.
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
        self.amplitude = amplitude
        self.bounds = _open_interval(amplitude)
        if self.bounds is not None and not self.bounds[0] < init_w < self.bounds[1]:
            raise ValueError(f"init_w={init_w} must lie inside the open interval of amplitude={amplitude}")
        self.g = nn.Parameter(torch.tensor([self._initial_weight(arguments.number("init_w", init_w))]))

    def _initial_weight(self, init_w: float) -> float:
        if self.bounds is None:
            return init_w
        lo, hi = self.bounds
        return math.log((init_w - lo) / (hi - init_w))

    def w(self) -> Tensor:
        """Return the current weight of the self connection, differentiable, shape `[1]`."""
        if self.bounds is None:
            return self.g
        lo, hi = self.bounds
        return torch.sigmoid(self.g) * (hi - lo) + lo

    def learnt(self) -> dict[str, float]:
        return {"w": self.w().item()}

    def dynamics(self) -> tuple[Coefficient, Coefficient, Coefficient]:
        return 1.0, _wide(self.w()), self.rest

    def extra_repr(self) -> str:
        w = "?" if self.g.is_meta else f"{self.w().item():.4g}"
        return f"w={w}, bounds={self.bounds}, {super().extra_repr()}"


def _wide(coefficient: Coefficient) -> Coefficient:
    """Return a coefficient in float32 at least: in half precision, the sum of its gradient may overflow."""
    if isinstance(coefficient, Tensor) and coefficient.element_size() < 4:
        return coefficient.float()
    return coefficient


def _inverse(k: float) -> float:
    return 1 / k if k else math.inf


def _open_interval(amplitude: Any) -> tuple[float, float] | None:
    """Return the bounds of an amplitude: None, (-A, A) for a number A, or a pair (lo, hi)."""
    if amplitude is None:
        return None
    try:
        pair = tuple(map(float, amplitude))
    except TypeError:  # A number, or an array or tensor without dimensions, cannot be iterated over.
        half = float(amplitude)
        pair = (-half, half)
    if len(pair) != 2 or not -math.inf < pair[0] < pair[1] < math.inf:
        raise ValueError(
            f"amplitude={amplitude} must be a finite number A > 0, for init_w in (-A, A), or a pair lo < hi of them"
        )
    return pair
