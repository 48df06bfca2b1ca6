"""The neurons: IF, LIF, PLIF, RIF. Each has its parameters and dynamics, `h = v + gain (x + feedback (v - rest))`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.neuron import arguments, charges, surrogate
from snntrain.neuron import clamp as clamps
from snntrain.neuron.base import BaseNode
from snntrain.neuron.charges import Coefficients
from snntrain.neuron.learnable import has_shape, learnable, logged


class IFNode(BaseNode):
    """Integrate-and-fire: `h = v + x`. Arguments as in `BaseNode`."""

    def dynamics(self) -> Coefficients:
        return charges.integrated(self.rest)


class LIFNode(BaseNode):
    """Leaky integrate-and-fire: `h = v + (x - (v - v_reset)) / tau`; with a soft reset, v_reset is 0 here.

    With `decay_input=False` the input is not divided: `h = v + x - (v - v_reset) / tau`.

    Args:
        tau: membrane time constant, in time steps; a number, or a tensor that broadcasts over `[N, *]`, such as
            `[C, 1, 1]` for one per channel. An `nn.Parameter` is learnt; any other tensor moves with the module and is
            not part of the `state_dict()`.
        decay_input: whether the input is divided by tau.
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
        *,
        decay_input: bool = True,
        learn_threshold: bool = False,
        per_neuron: bool = False,
    ) -> None:
        super().__init__(
            *(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode),
            learn_threshold=learn_threshold,
            per_neuron=per_neuron,
        )
        self.decay_input = bool(decay_input)
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

    def dynamics(self) -> Coefficients:
        return charges.leaky(self.tau, self.rest, self.decay_input)

    def extra_repr(self) -> str:
        return f"tau={arguments.shown(self.tau)}, {super().extra_repr()}"


class PLIFNode(BaseNode):
    """LIF with a learnable time constant: `h = v + (x - (v - v_reset)) k` (Fang et al., ICCV 2021).

    With `decay_input=False` the input is not multiplied: `h = v + x - (v - v_reset) k`.

    Args:
        init_tau: time constant at the start, in time steps.
        clamp: False learns `k = w` itself; True learns `k = clamp_function(w)`; the name of a pair in
            `snntrain.neuron.clamp.PAIRS` chooses both functions.
        clamp_function: a function of a tensor `w`, with values in (0, 1).
        inverse_clamp_function: maps a tau (a float) to the `w` for which `clamp_function(w) == 1 / tau`.
        decay_input: whether the input is multiplied by k.
        per_neuron: True learns a `w` for each neuron.
        others: as in `BaseNode`.

    Attributes:
        w: the learnable parameter, shape `[1]`, or with `per_neuron` the shape of the neurons of one sample.

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
        *,
        decay_input: bool = True,
        learn_threshold: bool = False,
        per_neuron: bool = False,
    ) -> None:
        super().__init__(
            *(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode),
            learn_threshold=learn_threshold,
            per_neuron=per_neuron,
        )
        self.decay_input = bool(decay_input)
        init_tau = arguments.positive("init_tau", init_tau)
        if isinstance(clamp, str):
            if clamp not in clamps.PAIRS:
                raise ValueError(f"clamp={clamp!r} is not a clamp pair; the pairs are: {', '.join(clamps.PAIRS)}")
            clamp_function, inverse_clamp_function = clamps.PAIRS[clamp]
        self.clamp = bool(clamp)
        self.clamp_function = clamp_function
        w = self._initial_weight(init_tau, inverse_clamp_function)
        self.w = learnable(self, "w", w, per_neuron)
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
        """Return `k`, the inverse of tau, differentiable, of the shape of `w`."""
        return self._decay(self.w)

    def _decay(self, w: Tensor) -> Tensor:
        return self.clamp_function(w) if self.clamp and self.clamp_function else w

    def tau(self) -> float:
        """Return the current time constant, in time steps; if each neuron has its own, their mean."""
        k = self.decay().detach()
        return _inverse(k.item()) if k.numel() == 1 else (1 / k).mean().item()

    def learnt(self) -> dict[str, float]:
        if not has_shape(self.w):
            return super().learnt()
        k = self.decay()
        tau = {"tau": self.tau()} if k.numel() == 1 else logged("tau", 1 / k)
        return tau | super().learnt()

    def dynamics(self) -> Coefficients:
        return charges.decaying(self.decay(), self.rest, self.decay_input)

    def extra_repr(self) -> str:
        tau = "?" if not has_shape(self.w) or self.w.is_meta else f"{self.tau():.4g}"
        return f"tau={tau}, clamp={self.clamp}, {super().extra_repr()}"


class RIFNode(BaseNode):
    """IF with a learnable self connection: `h = v + w (v - v_reset) + x`.

    Args:
        init_w: weight of the self connection at the start.
        amplitude: None learns `w = g` itself; a number A keeps it in (-A, A) by `w = (2 σ(g) - 1) A`; a pair
            (lo, hi) keeps it in (lo, hi) by `w = σ(g) (hi - lo) + lo`.
        per_neuron: True learns a `g` for each neuron.
        others: as in `BaseNode`.

    Attributes:
        g: the learnable parameter, shape `[1]`, or with `per_neuron` the shape of the neurons of one sample.
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
        *,
        learn_threshold: bool = False,
        per_neuron: bool = False,
    ) -> None:
        super().__init__(
            *(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode),
            learn_threshold=learn_threshold,
            per_neuron=per_neuron,
        )
        self.amplitude = amplitude
        self.bounds = _open_interval(amplitude)
        if self.bounds is not None and not self.bounds[0] < init_w < self.bounds[1]:
            raise ValueError(f"init_w={init_w} must lie inside the open interval of amplitude={amplitude}")
        self.g = learnable(self, "g", self._initial_weight(arguments.number("init_w", init_w)), per_neuron)

    def _initial_weight(self, init_w: float) -> float:
        if self.bounds is None:
            return init_w
        lo, hi = self.bounds
        return math.log((init_w - lo) / (hi - init_w))

    def w(self) -> Tensor:
        """Return the current weight of the self connection, differentiable, of the shape of `g`."""
        if self.bounds is None:
            return self.g
        lo, hi = self.bounds
        return torch.sigmoid(self.g) * (hi - lo) + lo

    def learnt(self) -> dict[str, float]:
        return (logged("w", self.w()) if has_shape(self.g) else {}) | super().learnt()

    def dynamics(self) -> Coefficients:
        return charges.self_connected(self.w(), self.rest)

    def extra_repr(self) -> str:
        w = "?" if not has_shape(self.g) or self.g.is_meta else arguments.shown(self.w())
        return f"w={w}, bounds={self.bounds}, {super().extra_repr()}"


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
