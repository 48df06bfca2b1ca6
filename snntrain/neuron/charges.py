"""The charges of the neurons: gain, feedback and rest of `h = v + gain (x + feedback (v - rest))`.

The modules and the functional form use the same ones.
"""

from __future__ import annotations

from torch import Tensor

from snntrain.neuron.integrate_and_fire import Coefficient

Coefficients = tuple[Coefficient, Coefficient, Coefficient]


def integrated(rest: float) -> Coefficients:
    """Return the charge of IF, `h = v + x`."""
    return 1.0, 0.0, rest


def leaky(tau: Coefficient, rest: float, decay_input: bool = True) -> Coefficients:
    """Return the charge of LIF, `h = v + (x - (v - rest)) / tau`, or `h = v + x - (v - rest) / tau`."""
    return decaying(1 / _wide(tau), rest, decay_input)


def decaying(k: Coefficient, rest: float, decay_input: bool = True) -> Coefficients:
    """Return the charge of PLIF, `h = v + (x - (v - rest)) k`, or `h = v + x - (v - rest) k`."""
    k = _wide(k)
    return (k, -1.0, rest) if decay_input else (1.0, -k, rest)


def self_connected(w: Coefficient, rest: float) -> Coefficients:
    """Return the charge of RIF, `h = v + w (v - rest) + x`."""
    return 1.0, _wide(w), rest


def _wide(coefficient: Coefficient) -> Coefficient:
    """Return a coefficient in float32 at least: in half precision, the sum of its gradient may overflow."""
    if isinstance(coefficient, Tensor) and coefficient.element_size() < 4:
        return coefficient.float()
    return coefficient
