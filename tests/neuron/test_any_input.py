"""The compiled executor of the CPU on inputs of any shape, layout and length, against the definition in float32."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.kernels.cpu import caches
from snntrain.neuron.integrate_and_fire import integrate_and_fire
from snntrain.neuron.surrogate import ATan

pytest.importorskip("numba")

# Zero or one of each: a line, a vector, a block, and a remainder after them.
SIZES = st.sampled_from([1, 2, 3, 7, 16, 17, 32, 48])


@dataclass(frozen=True)
class Case:
    """The inputs of a recurrence, except their numbers."""

    shape: tuple[int, ...]
    order: tuple[int, ...]
    steps: int
    constant: bool
    own: tuple[bool, ...]
    far: int
    seed: int

    def tensors(self) -> list[Tensor]:
        """Return a current with dimensions in `order`, coefficients per neuron or shared, and a state."""
        generator = torch.Generator().manual_seed(self.seed)
        x = 1.5 * torch.randn(1 if self.constant else self.steps, *self.shape, generator=generator) + 1
        back = [self.order.index(place) for place in range(len(self.order))]
        sizes = [size if own else 1 for size, own in zip(self.shape, self.own, strict=True)]
        coefficients = [k + 0.05 * torch.rand(sizes, generator=generator) for k in (0.4, -1.0, -0.1)]
        return [
            x.permute(self.order).contiguous().permute(back),
            *coefficients,
            torch.rand(self.shape, generator=generator),
        ]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    shape = tuple(draw(st.lists(SIZES, min_size=1, max_size=4).filter(lambda sizes: prod(sizes) <= 10_000)))
    return Case(
        shape=shape,
        order=(0, *draw(st.permutations(range(1, len(shape) + 1)))),
        steps=draw(st.integers(1, 5)),
        constant=draw(st.booleans()),
        own=tuple(draw(st.booleans()) for _ in shape),
        far=draw(st.sampled_from([0, 2**40])),
        seed=draw(st.integers(0, 2**16)),
    )


# A detached reset has a separate kernel, which reads and writes the same memory.
@settings(max_examples=20)
@given(case=cases(), v_reset=st.sampled_from([0.0, None]), detach_reset=st.just(False))
def test_spikes_and_gradients_are_those_of_the_definition(
    case: Case, v_reset: float | None, detach_reset: bool
) -> None:
    rule = {"v_threshold": 0.75, "v_reset": v_reset, "surrogate": ATan(), "detach_reset": detach_reset, "T": case.steps}
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caches, "FAR", case.far)
        for forced in ("cpu", "reference"):
            patch.setenv(dispatch.VARIABLE, forced)
            tensors = [tensor.requires_grad_() for tensor in case.tensors()]
            s, v_last, *_ = integrate_and_fire(*tensors, **rule)
            (s * torch.linspace(-1, 1, s.numel()).reshape(s.shape)).sum().backward(retain_graph=True)
            v_last.sum().backward()
            found.append((s, v_last, [tensor.grad for tensor in tensors]))
    (s, v_last, gradients), (defined_s, defined_v_last, defined) = found
    assert torch.equal(s, defined_s)
    assert torch.equal(v_last, defined_v_last)
    for one, other in zip(gradients, defined, strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= 1e-4 * max(1.0, float(other.abs().max()))
