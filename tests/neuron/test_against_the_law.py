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
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode
from snntrain.neuron.recurrence import executor

from . import oracle
from .cases import Neuron, drive, make_surrogate, recorded
from .oracle_surrogates import SURROGATES

Array = NDArray[np.float64]

DEFAULT = 150
EXAMPLES = int(os.environ.get("SNNTRAIN_LAW_EXAMPLES", DEFAULT))
check = settings(max_examples=EXAMPLES, deadline=None)
# The kind of a neuron, its surrogate, whether its reset is soft, and whether that is detached. The compiled executor has
# a kernel for each, which takes up to a second to compile: each surrogate once, unless more examples are wanted.
RULES = list(product(["if", "lif", "plif", "rif"], SURROGATES, [False, True], [False, True]))
FEW_RULES = [RULES[(40 * i + 4 * i + i // 2) % len(RULES)] for i in range(len(SURROGATES))]
# Of one neuron, and of less and more than the compiled kernels' vectors hold.
SHAPES = [(1,), (3,), (2, 3), (16,), (3, 7), (2, 17)]


@dataclass(frozen=True)
class Setting:
    """A neuron, what it is given, and how it is run. `amplitude` and `clamp` are those of RIF and PLIF."""

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
    """A number that float32 has, too."""
    return st.floats(float(np.float32(lo)), float(np.float32(hi)), width=32)


@st.composite
def drawn(draw: st.DrawFn, rules: list[tuple[str, str, bool, bool]], spiking: st.SearchStrategy[bool]) -> Setting:
    kind, surrogate, soft, detach_reset = draw(st.sampled_from(rules))
    clamp = draw(st.sampled_from([False, *oracle.CLAMPS])) if kind == "plif" else False
    lowest_tau = 1.125 if clamp else 0.625
    amplitude = draw(st.one_of(st.none(), number(0.125, 1), st.tuples(number(-1, -0.5), number(-0.25, 0.5))))
    w = draw(number(-1.25, 0.5))
    if amplitude is not None:
        lo, hi = amplitude if isinstance(amplitude, tuple) else (-amplitude, amplitude)
        w = lo + draw(st.floats(0.0625, 0.9375)) * (hi - lo)
    leaky = {"w": number(0.25, 2), "c": number(0.0078125, 0.5)}
    shape = leaky if surrogate == "PiecewiseLeakyReLU" else {"alpha": number(0.5, 4)}
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
class Bound:
    """How far each result may lie from the oracle's while the spikes are the same."""

    over: Array
    v: Array
    x: Array
    parameter: float
    v_first: Array


@dataclass(frozen=True)
class Example:
    """A setting with its numbers, all exact in float32, and what the oracle makes of them."""

    setting: Setting
    cell: oracle.Cell
    parameter: float
    x: Array
    v_first: Array
    pull_s: Array
    pull_v: Array

    @classmethod
    def of(cls, setting: Setting, node: BaseNode) -> Example:
        random = np.random.default_rng(setting.seed)
        cell, learnt = setting.cell(node), setting.neuron.learnt(node)

        def exact(*shape: int, scale: float = 1.0, middle: float = 0.0) -> Array:
            return random.normal(middle, scale, shape).astype(np.float32).astype(np.float64)

        # As much more current as the neuron takes less of it, so that it spikes at any time constant.
        gain = abs(cell.charge.slopes(np.zeros(()), np.zeros(()), 0.0)[1])
        scale = setting.scale / gain
        x = exact(setting.T, *setting.shape, scale=scale, middle=0.4 * scale)
        rest = np.full(setting.shape, cell.rest)
        return cls(
            setting=setting,
            cell=cell,
            parameter=0.0 if learnt is None else learnt.item(),
            x=x,
            v_first=rest if setting.from_rest else exact(*setting.shape),
            pull_s=exact(*x.shape),
            pull_v=exact(*setting.shape),
        )

    @property
    def trace(self) -> oracle.Trace:
        return self.cell.forward(self.x, self.v_first)

    def slopes(self, trace: oracle.Trace, t: int) -> tuple[Array, Array]:
        """dv/dh and dv/ds of the reset."""
        h, s = trace.h[t], trace.s[t]
        if self.cell.v_reset is None:
            return np.ones_like(h), np.full_like(h, -self.cell.v_threshold)
        return 1 - s, self.cell.v_reset - h

    def bound(self, trace: oracle.Trace, unit: float) -> Bound:
        """Running error bounds of the potentials, and with them of back-propagation through time."""
        cell, gradient, T = self.cell, self.cell.surrogate.gradient, self.setting.T
        over, e_over, e_s, e_v = (np.zeros_like(trace.h) for _ in range(4))
        carried = np.zeros_like(self.v_first)
        before = np.zeros_like(trace.h)
        size = np.abs(trace.h) + abs(cell.v_threshold) + abs(cell.rest)
        for t in range(T):
            v, x_t = trace.v_before[t], self.x[t]
            dh_dv, dh_dx, _ = cell.charge.slopes(v, x_t, cell.rest)
            before[t] = carried
            rounded = 8 * unit * (max(1.0, abs(dh_dv)) * (np.abs(v) + abs(cell.rest)) + abs(dh_dx) * np.abs(x_t))
            over[t] = trace.h[t] - cell.v_threshold
            e_over[t] = abs(dh_dv) * carried + rounded + 2 * unit * size[t]
            dv_dh, dv_ds = self.slopes(trace, t)
            if not cell.spiking:
                # Of the spikes themselves there is no error.
                e_s[t] = gradient(over[t]) * e_over[t] + 16 * unit * (1 + np.abs(trace.s[t]))
            carried = e_over[t] * np.abs(dv_dh) + e_s[t] * np.abs(dv_ds) + 4 * unit * size[t]
            e_v[t] = carried

        slope = gradient(over)
        peak = float(gradient(np.zeros(())))
        e_slope = 32 * unit * peak + np.maximum(*(np.abs(gradient(over + side) - slope) for side in (e_over, -e_over)))
        e_x, e_k, k = np.zeros_like(self.x), 0.0, 0.0
        g_v, e_g_v = self.pull_v, unit * np.abs(self.pull_v)
        for t in reversed(range(T)):
            dv_dh, dv_ds = self.slopes(trace, t)
            g_s, e_g_s = self.pull_s[t], unit * np.abs(self.pull_s[t])
            if not cell.detach_reset:
                e_dv_ds = 0.0 if cell.v_reset is None else e_over[t]
                g_s = g_s + g_v * dv_ds
                e_g_s = e_g_s + e_g_v * np.abs(dv_ds) + np.abs(g_v) * e_dv_ds + 4 * unit * np.abs(g_v * dv_ds)
                e_g_s = e_g_s + 2 * unit * np.abs(g_s)
            e_dv_dh = 0.0 if cell.v_reset is None else e_s[t]
            g_h = g_v * dv_dh + g_s * slope[t]
            e_g_h = e_g_v * np.abs(dv_dh) + np.abs(g_v) * e_dv_dh + e_g_s * slope[t] + np.abs(g_s) * e_slope[t]
            e_g_h = e_g_h + 4 * unit * (np.abs(g_v * dv_dh) + np.abs(g_s * slope[t]))
            dh_dv, dh_dx, dh_dk = cell.charge.slopes(trace.v_before[t], self.x[t], cell.rest)
            e_x[t] = e_g_h * abs(dh_dx) + 4 * unit * np.abs(g_h * dh_dx)
            e_dk = before[t] + 4 * unit * (np.abs(self.x[t]) + np.abs(trace.v_before[t]) + abs(cell.rest))
            e_k += float(np.sum(e_g_h * np.abs(dh_dk) + np.abs(g_h) * e_dk + 64 * unit * np.abs(g_h * dh_dk)))
            k += float(np.sum(np.abs(g_h * dh_dk)))
            g_v, e_g_v = g_h * dh_dv, e_g_h * abs(dh_dv) + 8 * unit * (1 + abs(dh_dv)) * np.abs(g_h)
        parameter = e_k * abs(float(self.setting.neuron.link.slope(np.asarray(self.parameter))))
        return Bound(e_over, e_v, e_x, parameter, e_g_v)

    def is_decided(self, trace: oracle.Trace, bound: Bound) -> bool:
        """Whether rounding neither makes a neuron fire, nor moves it over a jump of the surrogate's gradient.

        And whether the potentials are numbers that rounding leaves, which strong feedback by a primitive does not.
        """
        over = trace.h - self.cell.v_threshold
        places = (0.0, *self.cell.surrogate.kinks)
        apart = all(bool((np.abs(over - place) > 2 * bound.over).all()) for place in places)
        return apart and bool((bound.over <= 1e-3 * (1 + np.abs(trace.h))).all())


def assert_within(name: str, actual: Any, expected: Array, bound: Array | float) -> None:
    # Twice the bound, which leaves out the products of two errors.
    off = np.abs(np.asarray(actual, dtype=np.float64) - expected) - 2 * np.asarray(bound) - 1e-300
    assert (off <= 0).all(), f"{name}: {np.abs(np.asarray(actual) - expected).max()} off, bound {np.max(bound)}"


def assert_follows_the_law(setting: Setting, dtype: torch.dtype, name: str) -> None:
    node = setting.build().to(dtype)
    example = Example.of(setting, node)
    trace, unit = example.trace, torch.finfo(dtype).eps / 2
    bound = example.bound(trace, unit)
    assume(example.is_decided(trace, bound))

    x = torch.tensor(example.x, dtype=dtype, requires_grad=True)
    v_first = torch.tensor(example.v_first, dtype=dtype, requires_grad=True)
    if not setting.from_rest:
        node.v = v_first
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(executor.VARIABLE, name)
        s = drive(node, x)
        assert isinstance(node.v, Tensor)
        pulled = [(s, example.pull_s), (node.v, example.pull_v)]
        torch.autograd.backward([of for of, _ in pulled], [torch.tensor(pull, dtype=dtype) for _, pull in pulled])

    if setting.spiking:
        np.testing.assert_array_equal(s.detach(), trace.s)
    else:
        slope = example.cell.surrogate.gradient(trace.h - setting.v_threshold)
        assert_within("s", s.detach(), trace.s, slope * bound.over + 16 * unit * (1 + np.abs(trace.s)))
    assert_within("h", recorded(node, "h"), trace.h, bound.over)
    assert_within("v", recorded(node, "v"), trace.v, bound.v)
    assert_within("last v", node.v.detach(), trace.v[-1], bound.v[-1])

    gradients = example.cell.backward(example.x, trace, example.pull_s, example.pull_v)
    assert_within("gradient of x", x.grad, gradients.x, bound.x)
    if not setting.from_rest:
        assert_within("gradient of the first v", v_first.grad, gradients.v_first, bound.v_first)
    parameter = setting.neuron.learnt(node)
    if parameter is not None:
        assert parameter.grad is not None
        slope = setting.neuron.link.slope(np.asarray(example.parameter))
        assert_within("gradient of the parameter", parameter.grad, np.asarray(gradients.k * slope), bound.parameter)


@check
@given(drawn(RULES, spiking=st.booleans()))
def test_any_neuron_follows_the_law_in_double_precision(setting: Setting) -> None:
    assert_follows_the_law(setting, torch.float64, "reference")


@pytest.mark.skipif(not executor.COMPILED["cpu"], reason="needs Numba")
@check
@given(drawn(FEW_RULES if EXAMPLES <= DEFAULT else RULES, spiking=st.just(True)))
def test_any_neuron_follows_the_law_by_the_compiled_executor(setting: Setting) -> None:
    assert_follows_the_law(setting, torch.float32, "cpu")
