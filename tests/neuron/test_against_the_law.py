"""Neurons of any setting against the float64 oracle: spikes, potentials, and every gradient.

Each example draws a neuron and its numbers, a surrogate and its shape, a reset, a state to start from, and a current.
How far a result may lie from the oracle's comes from a running error analysis (Higham, Accuracy and Stability of
Numerical Algorithms, 3.3), for the unit roundoff of the format that it was computed in. Examples in which rounding
decides whether a neuron fires are skipped.

`SNNTRAIN_LAW_EXAMPLES` sets the number of examples of each test. More than the default compile more kernels.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode

from . import oracle
from .cases import Neuron, drive, make_surrogate, recorded
from .oracle_surrogates import SURROGATES

Array = NDArray[np.float64]

DEFAULT = 50
EXAMPLES = int(os.environ.get("SNNTRAIN_LAW_EXAMPLES", DEFAULT))
check = settings(max_examples=EXAMPLES, deadline=None)

# The kind of a neuron, its surrogate, whether its reset is soft, and whether that is detached.
Rule = tuple[str, str, bool, bool]
# The bounds of the rounding errors hold for an even gradient that is greatest at the threshold.
UNEVEN = ("LeakyKReLU", "LogTailedReLU", "S2NN", "SquarewaveFourierSeries", "DeterministicPass")
EVEN = [name for name in SURROGATES if name not in UNEVEN]
RULES: list[Rule] = list(product(["if", "lif", "plif", "rif"], EVEN, [False, True], [False, True]))
# The compiled executor compiles one kernel for each, which takes a second.
FEW_RULES: list[Rule] = [
    ("if", "Sigmoid", False, True),
    ("lif", "ATan", True, False),
    ("plif", "SuperSpike", False, False),
    ("rif", "Erf", True, False),
]
# One neuron, and fewer and more neurons than the vectors of the compiled kernels hold.
SHAPES = [(1,), (3,), (2, 3), (16,), (3, 7), (2, 17)]


@dataclass(frozen=True)
class Setting:
    """A neuron, its inputs, and the way to run it. `amplitude` and `clamp` are those of RIF and PLIF."""

    kind: str
    tau: float
    clamp: bool | str
    w: float
    amplitude: float | tuple[float, float] | None
    v_threshold: float
    v_reset: float | None
    detach_reset: bool
    surrogate: str
    surrogate_shape: dict[str, float]
    spiking: bool
    step_mode: str
    T: int
    shape: tuple[int, ...]
    from_rest: bool
    scale: float
    seed: int

    @property
    def neuron(self) -> Neuron:
        if self.kind == "if":
            return Neuron("if", IFNode, lambda k: oracle.IF())
        if self.kind == "lif":
            return Neuron("lif", partial(LIFNode, tau=self.tau), lambda k: oracle.LIF(self.tau))
        if self.kind == "plif":
            link = oracle.CLAMPS[self.clamp] if isinstance(self.clamp, str) else oracle.IDENTITY
            return Neuron("plif", partial(PLIFNode, init_tau=self.tau, clamp=self.clamp), oracle.PLIF, link, "w")
        link = oracle.IDENTITY
        if isinstance(self.amplitude, tuple):
            link = oracle.interval(*self.amplitude)
        elif self.amplitude is not None:
            link = oracle.symmetric(self.amplitude)
        return Neuron("rif", partial(RIFNode, init_w=self.w, amplitude=self.amplitude), oracle.RIF, link, "g")

    def build(self) -> BaseNode:
        return self.neuron.build(
            v_threshold=self.v_threshold,
            v_reset=self.v_reset,
            surrogate_function=make_surrogate(self.surrogate, spiking=self.spiking, **self.surrogate_shape),
            detach_reset=self.detach_reset,
            monitor_state=True,
            step_mode=self.step_mode,
        )

    def cell(self, node: BaseNode) -> oracle.Cell:
        return self.neuron.cell(node, SURROGATES[self.surrogate](**self.surrogate_shape))


def number(lo: float, hi: float) -> st.SearchStrategy[float]:
    """Draw a number that is exact in float32."""
    return st.floats(float(np.float32(lo)), float(np.float32(hi)), width=32)


@st.composite
def drawn(draw: st.DrawFn, rules: list[Rule], spiking: st.SearchStrategy[bool]) -> Setting:
    kind, surrogate, soft, detach_reset = draw(st.sampled_from(rules))
    clamps: list[bool | str] = [False, *oracle.CLAMPS]
    clamp = draw(st.sampled_from(clamps)) if kind == "plif" else False
    lowest_tau = 1.125 if clamp else 0.625
    amplitude = draw(st.one_of(st.none(), number(0.125, 1), st.tuples(number(-1, -0.5), number(-0.25, 0.5))))
    w = draw(number(-1.25, 0.5))
    if amplitude is not None:
        lo, hi = amplitude if isinstance(amplitude, tuple) else (-amplitude, amplitude)
        w = lo + draw(st.floats(0.0625, 0.9375)) * (hi - lo)
    leaky = {"w": number(0.25, 2), "c": number(0.0078125, 0.5)}
    shape = (
        leaky
        if surrogate == "PiecewiseLeakyReLU"
        else {"alpha": number(1.125 if surrogate == "QPseudoSpike" else 0.5, 4)}
    )
    return Setting(
        kind=kind,
        tau=draw(st.one_of(number(lowest_tau, 8), number(8, 1e5), st.just(1e5))),
        clamp=clamp,
        w=w,
        amplitude=amplitude,
        v_threshold=draw(number(0.125, 3)),
        v_reset=None if soft else draw(st.one_of(st.just(0.0), number(-2, 2))),
        detach_reset=detach_reset,
        surrogate=surrogate,
        surrogate_shape=draw(st.fixed_dictionaries(shape)),
        spiking=draw(spiking),
        step_mode=draw(st.sampled_from(["s", "m"])),
        T=draw(st.integers(1, 12)),
        shape=draw(st.sampled_from(SHAPES)),
        from_rest=draw(st.booleans()),
        scale=draw(st.sampled_from([0.1, 0.5, 1.0, 2.0, 20.0])),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


@dataclass(frozen=True)
class Example:
    """A setting with its numbers, all exact in float32."""

    setting: Setting
    cell: oracle.Cell
    x: Array
    v_first: Array
    pull_s: Array
    pull_v: Array

    @classmethod
    def of(cls, setting: Setting, node: BaseNode) -> Example:
        random, cell = np.random.default_rng(setting.seed), setting.cell(node)

        def normal(*shape: int, scale: float = 1.0, middle: float = 0.0) -> Array:
            return random.normal(middle, scale, shape).astype(np.float32).astype(np.float64)

        # A neuron with a small gain gets a large current, so that it spikes at any time constant.
        scale = setting.scale / abs(cell.charge.slopes(np.zeros(()), np.zeros(()), 0.0)[1])
        x = normal(setting.T, *setting.shape, scale=scale, middle=0.4 * scale)
        v_first = np.full(setting.shape, cell.rest) if setting.from_rest else normal(*setting.shape)
        return cls(setting, cell, x, v_first, normal(*x.shape), normal(*setting.shape))

    def forward(self) -> oracle.Trace:
        return self.cell.forward(self.x, self.v_first)

    def backward(self, trace: oracle.Trace) -> oracle.Gradients:
        return self.cell.backward(self.x, trace, self.pull_s, self.pull_v)


@dataclass(frozen=True)
class Bounds:
    """Bounds on the distance of a format's results from the oracle's, by its unit roundoff, if the spikes are the same.

    Products of two errors are left out.
    """

    example: Example
    trace: oracle.Trace
    unit: float

    @cached_property
    def over(self) -> Array:
        return self.trace.h - self.example.cell.v_threshold

    @cached_property
    def forward(self) -> tuple[Array, Array, Array]:
        """Return the bounds of h, s and v, `[T, *]` each."""
        cell, unit, x, trace = self.example.cell, self.unit, self.example.x, self.trace
        size = np.abs(trace.h) + abs(cell.v_threshold) + abs(cell.rest)
        e_h, e_s, e_v = (np.zeros_like(x) for _ in range(3))
        for t in range(len(x)):
            dh_dv, dh_dx, _ = cell.charge.slopes(trace.v_before[t], x[t], cell.rest)
            terms = max(1, abs(dh_dv)) * (np.abs(trace.v_before[t]) + abs(cell.rest)) + abs(dh_dx) * np.abs(x[t])
            e_h[t] = abs(dh_dv) * (e_v[t - 1] if t else 0) + 8 * unit * terms + 2 * unit * size[t]
            if not cell.spiking:
                e_s[t] = cell.surrogate.gradient(self.over[t]) * e_h[t] + 16 * unit * (1 + np.abs(trace.s[t]))
            dv_dh, dv_ds = self.reset(t)
            e_v[t] = e_h[t] * np.abs(dv_dh) + e_s[t] * np.abs(dv_ds) + 4 * unit * size[t]
        return e_h, e_s, e_v

    @cached_property
    def backward(self) -> oracle.Gradients:
        cell, unit, x, trace = self.example.cell, self.unit, self.example.x, self.trace
        e_h, e_s, e_v = self.forward
        soft, slope = cell.v_reset is None, cell.surrogate.gradient(self.over)
        sides = [np.abs(cell.surrogate.gradient(self.over + side) - slope) for side in (e_h, -e_h)]
        e_slope = np.maximum(*sides) + 32 * unit * cell.surrogate.gradient(np.zeros(()))
        g_v, e_x, e_k = self.example.pull_v, np.zeros_like(x), 0.0
        e_g_v = np.zeros_like(g_v)
        for t in reversed(range(len(x))):
            (dv_dh, dv_ds), g_s = self.reset(t), self.example.pull_s[t]
            e_g_s = 4 * unit * np.abs(g_s)
            if not cell.detach_reset:
                e_g_s = (
                    e_g_s + e_g_v * np.abs(dv_ds) + np.abs(g_v) * (4 * unit * np.abs(dv_ds) + (0 if soft else e_h[t]))
                )
                g_s = g_s + g_v * dv_ds
            g_h = g_v * dv_dh + g_s * slope[t]
            e_g_h = e_g_v * np.abs(dv_dh) + np.abs(g_v) * (4 * unit * np.abs(dv_dh) + (0 if soft else e_s[t]))
            e_g_h += e_g_s * slope[t] + np.abs(g_s) * (4 * unit * slope[t] + e_slope[t])
            v, e_before = trace.v_before[t], e_v[t - 1] if t else 0
            dh_dv, dh_dx, dh_dk = cell.charge.slopes(v, x[t], cell.rest)
            e_x[t] = abs(dh_dx) * (e_g_h + 4 * unit * np.abs(g_h))
            e_dk = e_before + 4 * unit * (np.abs(x[t]) + np.abs(v) + abs(cell.rest)) + 64 * unit * np.abs(dh_dk)
            e_k += float(np.sum(e_g_h * np.abs(dh_dk) + np.abs(g_h) * e_dk))
            g_v, e_g_v = g_h * dh_dv, e_g_h * abs(dh_dv) + 8 * unit * (1 + abs(dh_dv)) * np.abs(g_h)
        return oracle.Gradients(e_x, e_k, e_g_v)

    def reset(self, t: int) -> tuple[Array, Array]:
        """Return dv/dh and dv/ds."""
        h, s, cell = self.trace.h[t], self.trace.s[t], self.example.cell
        if cell.v_reset is None:
            return np.ones_like(h), np.full_like(h, -cell.v_threshold)
        return 1 - s, cell.v_reset - h

    @property
    def are_small(self) -> bool:
        """Return whether rounding decides nothing: it makes no neuron fire, and moves none across a surrogate's kink.

        Return False also if it is most of a potential: the feedback of a primitive may grow without limit.
        """
        e_h, _, e_v = self.forward
        kinks = (0.0, *self.example.cell.surrogate.kinks)
        apart = all((np.abs(self.over - kink) > 2 * e_h).all() for kink in kinks)
        return bool(apart and np.isfinite(e_v).all() and (e_h <= self.unit**0.5 * (1 + np.abs(self.trace.h))).all())


def assert_within(name: str, actual: Tensor | Array | None, expected: Array, bound: Array | float) -> None:
    off = np.abs(np.asarray(actual, dtype=np.float64) - expected)
    assert (off <= 2 * np.asarray(bound) + 1e-300).all(), f"{name} is {off.max()} off, and may be {np.max(bound)}"


# The feedback of a primitive may grow beyond all numbers, before the example is skipped; and the tail of a sigmoid.
@np.errstate(over="ignore", invalid="ignore")
def assert_follows_the_law(setting: Setting, dtype: torch.dtype, name: str) -> None:
    neuron, node = setting.neuron, setting.build().to(dtype)
    example = Example.of(setting, node)
    trace = example.forward()
    bounds = Bounds(example, trace, torch.finfo(dtype).eps / 2)
    assume(bounds.are_small)

    x = torch.tensor(example.x, dtype=dtype, requires_grad=True)
    v_first = torch.tensor(example.v_first, dtype=dtype, requires_grad=True)
    if not setting.from_rest:
        node.v = v_first
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(dispatch.VARIABLE, name)
        s = drive(node, x)
        assert isinstance(node.v, Tensor)
        pulls = [torch.tensor(pull, dtype=dtype) for pull in (example.pull_s, example.pull_v)]
        torch.autograd.backward([s, node.v], pulls)

    e_h, e_s, e_v = bounds.forward
    assert_within("s", s.detach(), trace.s, e_s)
    assert_within("h", recorded(node, "h"), trace.h, e_h)
    assert_within("v", recorded(node, "v"), trace.v, e_v)
    assert_within("the last v", node.v.detach(), trace.v[-1], e_v[-1])
    gradients, errors = example.backward(trace), bounds.backward
    assert_within("the gradient of x", x.grad, gradients.x, errors.x)
    if not setting.from_rest:
        assert_within("the gradient of the first v", v_first.grad, gradients.v_first, errors.v_first)
    parameter = neuron.learnt(node)
    if parameter is not None:
        slope = float(neuron.link.slope(np.asarray(parameter.item())))
        assert_within(
            "the parameter's gradient", parameter.grad, np.full(1, gradients.k * slope), errors.k * abs(slope)
        )


@check
@given(drawn(RULES, spiking=st.booleans()))
def test_any_neuron_follows_the_law_in_double_precision(setting: Setting) -> None:
    assert_follows_the_law(setting, torch.float64, "reference")


@pytest.mark.skipif(not dispatch.COMPILED["cpu"], reason="needs Numba")
@check
@given(drawn(FEW_RULES if EXAMPLES <= DEFAULT else RULES, spiking=st.just(True)))
def test_any_neuron_follows_the_law_by_the_compiled_executor(setting: Setting) -> None:
    assert_follows_the_law(setting, torch.float32, "cpu")
