"""One kernel of each kind against the reference in float64: forward, backward, pooling; on a CPU in the interpreter.

python scripts/gpu/one_of_each.py [--device cuda] [--quick]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

# The largest error of a gradient for each dtype, as a share of its greatest element.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 2**-6, torch.float16: 2**-8}
# The number of neurons that may fire differently: potentials are kept in float32, so rounding can decide a spike.
OTHER_WAY = 1e-2


@dataclass(frozen=True)
class Case:
    """A recurrence: in `learnt` the gain and the feedback have gradients."""

    name: str
    T: int
    dtype: torch.dtype
    learnt: bool = False
    soft: bool = False


CASES = (
    Case("fixed, hard reset, T=4, float32", 4, torch.float32),
    Case("fixed, hard reset, T=8, bfloat16", 8, torch.bfloat16),
    Case("learnt, hard reset, T=8, bfloat16", 8, torch.bfloat16, learnt=True),
    Case("learnt, soft reset, T=7, float16", 7, torch.float16, learnt=True, soft=True),
    Case("learnt, hard reset, T=35, bfloat16", 35, torch.bfloat16, learnt=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.device == "cpu":
        # Before the kernels are imported.
        os.environ["TRITON_INTERPRET"] = "1"
    neurons = 37 if given.quick else 2**18 + 37
    checks: list[Callable[[], tuple[str, bool]]] = [partial(recurrence, case, neurons, given.device) for case in CASES]
    failed = False
    for check in [*checks, partial(pooling, given.device)]:
        try:
            result, good = check()
        except Exception as error:  # If a kernel or its compiler fails, the others are still tried.
            result, good = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", False
        print(f"{'right' if good else 'WRONG'}: {result}", flush=True)
        failed |= not good
    sys.exit(failed)


def recurrence(case: Case, neurons: int, device: str) -> tuple[str, bool]:
    """Compare spikes and gradients of a case with those of the reference in float64."""
    from snntrain.neuron import surrogate
    from snntrain.neuron.integrate_and_fire import integrate_and_fire, reference

    generator = torch.Generator().manual_seed(0)
    rule = {
        "v_threshold": 0.75,
        "v_reset": None if case.soft else -0.25,
        "detach_reset": False,
        "surrogate": surrogate.ATan(alpha=2.0),
    }
    x = (torch.randn(case.T, neurons, generator=generator) * 1.5 + 0.5).to(case.dtype).to(device)
    weights = torch.randn(case.T, neurons, generator=generator).to(case.dtype).to(device)
    gain, feedback = torch.tensor([0.5], device=device), torch.tensor([-0.5], device=device)
    leaves = [x, gain, feedback] if case.learnt else [x]

    def run(double: bool) -> tuple[Tensor, list[Tensor]]:
        own = [(k.double() if double else k).detach().requires_grad_() for k in leaves]
        others = own[1:] if case.learnt else [0.5, -0.5]
        way = reference.integrate_and_fire if double else integrate_and_fire
        arguments = (own[0], case.T) if double else (own[0],)
        s = way(*arguments, *others, 0.0, 0.0, **rule).s
        return s.detach(), list(torch.autograd.grad(s, own, weights.to(s.dtype)))

    os.environ["SNNTRAIN_EXECUTOR"] = "cuda"
    started = time.perf_counter()
    s, gradients = run(double=False)
    if device != "cpu":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    del os.environ["SNNTRAIN_EXECUTOR"]
    right, exact = run(double=True)
    same = (s.double() == right).all(0)
    other_way = 1 - float(same.double().mean())
    errors = [_error(gradients[0][:, same], exact[0][:, same])]
    # A neuron with other spikes changes the sums of the learnt coefficients.
    errors += [_error(one, other) for one, other in zip(gradients[1:], exact[1:], strict=True)] if case.learnt else []
    rate = float(s.double().mean())
    good = other_way <= OTHER_WAY and errors[0] <= TOLERANCE[case.dtype] and 0.05 < rate < 0.95
    good = good and all(error <= max(TOLERANCE[case.dtype], 4 * other_way) for error in errors[1:])
    shown = ", ".join(f"{error:.1e}" for error in errors)
    result = f"neuron {case.name}: gradients off by {shown}, {other_way:.1e} of the neurons fire otherwise"
    return f"{result}; first call {seconds:.1f} s", good


def _error(one: Tensor, other: Tensor) -> float:
    """Return the greatest difference as a share of the greatest number; infinite if there are no numbers to compare."""
    greatest = other.abs().max() if other.numel() else torch.zeros(())
    return float((one.double() - other).abs().max() / greatest) if greatest > 0 else float("inf")


def pooling(device: str) -> tuple[str, bool]:
    """Compare max pooling and its gradient with PyTorch's in float64; they must be equal."""
    from snntrain.network.csnn import MaxPool2x2

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(32, 64, 28, 28, generator=generator).bfloat16().to(device, memory_format=torch.channels_last)
    weights = torch.randn(32, 64, 14, 14, generator=generator).bfloat16().to(device)
    results = []
    for pool, dtype in ((MaxPool2x2(), x.dtype), (torch.nn.MaxPool2d(2), torch.float64)):
        given = x.to(dtype).detach().requires_grad_()
        pooled = pool(given)
        (gradient,) = torch.autograd.grad(pooled, given, weights.to(dtype))
        results.append((pooled.detach().double(), gradient.double(), type(pooled.grad_fn).__name__))
    (pooled, gradient, way), (right, exact, _) = results
    good = torch.equal(pooled, right) and torch.equal(gradient, exact)
    return f"max pooling, bfloat16, by {way}", good


if __name__ == "__main__":
    main()
