"""Random calls of the operator with two states, with arrays that end, or begin, at a protected page.

    python tests/neuron/two_states_door_fuzz.py <calls> [<seed>]

See `door_fuzz.py`, which has the guarded memory.
"""

from __future__ import annotations

import json
import random
import sys
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))

from door_fuzz import SIZES, Guarded, Torch, arbitrary, coefficient

from snntrain.kernels import dispatch, layout
from snntrain.kernels.cpu import caches
from snntrain.neuron import surrogate
from snntrain.neuron.integrate_and_fire.formulas import formula
from snntrain.neuron.two_states import PLACES, Coefficients, contract, two_states

VALUES = (0.5, -1.0, 0.1, 0.9, 0.2, 0.3)


def call(draw: random.Random, cpu: Any) -> str:
    """Make one random call, forward and backward; return 'computed' or 'refused'."""
    memory = Guarded(draw.random() < 0.5)
    for module in (cpu, layout):
        module.torch = Torch(memory)
    caches.FAR = draw.choice((0, 2**40))
    T, step = draw.choice((1, 1, 2, 3, 7)), tuple(draw.choice(SIZES) for _ in range(draw.randrange(4)))
    if prod(step) > 40_000:
        step = step[:2]
    x = arbitrary(draw, (draw.choice((T, T, 1)), *step), memory)
    # All numbers or all tensors: each set of learnt coefficients would have a kernel of its own.
    given = list(VALUES) if draw.random() < 0.4 else [_tensor(draw, step, value, memory) for value in VALUES]
    states = [0.0 if draw.random() < 0.4 else arbitrary(draw, step, memory) for _ in range(2)]
    asked = T if draw.random() < 0.9 else draw.choice((-1, 0, 1, 2, 9, 1000))
    # One reset and place for each dtype: others would take seconds to compile, and access the same memory.
    half = x.dtype == torch.bfloat16
    place, v_reset = (0, None) if half else (1, 0.0)
    tensors = [x, *given, *states]
    reported = [f"{list(k.shape)} {k.dtype}" if isinstance(k, Tensor) else k for k in tensors]
    print(f"T={asked} {reported} far={caches.FAR}", file=sys.stderr, flush=True)
    way = _direct if draw.random() < 0.5 else _through
    try:
        return way(draw, memory, x, asked, place, given, states, v_reset)
    except (ValueError, TypeError, RuntimeError, NotImplementedError, IndexError, AttributeError):
        return "refused"


def _tensor(draw: random.Random, step: tuple[int, ...], value: float, memory: Guarded) -> Any:
    values = coefficient(draw, step, value, memory)
    return values if isinstance(values, Tensor) else torch.full((1,), value)


def _through(
    draw: random.Random, memory: Guarded, x: Any, T: int, place: int, given: Any, states: Any, v_reset: Any
) -> str:
    """Call it as a neuron does, with gradients of all tensors or of the input."""
    tensors = [k for k in (x, *given, *states) if isinstance(k, Tensor) and k.is_floating_point()]
    for values in tensors if draw.random() < 0.5 else tensors[:1]:
        values.requires_grad_()
    run = two_states(
        *(x, PLACES[place], Coefficients(*given), *states),
        T=T if draw.random() < 0.7 else None,
        v_threshold=0.75,
        v_reset=v_reset,
        surrogate=surrogate.ATan(),
        detach_reset=False,
    )
    if run.s.requires_grad:
        (run.s.float().sum() + run.v_last.float().sum() + run.w_last.float().sum()).backward()
    return "computed"


def _direct(
    draw: random.Random, memory: Guarded, x: Any, T: int, place: int, given: Any, states: Any, v_reset: Any
) -> str:
    """Call the operators by their names, backward with gradients that may not fit."""
    shape = formula(surrogate.ATan())
    assert shape is not None
    tensors = [k.detach() if isinstance(k, Tensor) else None for k in (*given, *states)]
    numbers = [0.0 if isinstance(k, Tensor) else k for k in (*given, *states)][: 8 if draw.random() < 0.97 else 5]
    settings = (0.75, v_reset, False, *shape)
    place = place if draw.random() < 0.97 else draw.choice((-1, 3))
    torch.ops.snntrain.two_states(x.detach(), T, place, *tensors, numbers, *settings, draw.random() < 0.3)
    grad_s = arbitrary(draw, (T, *x.shape[1:]), memory)
    pulls = [arbitrary(draw, tuple(x.shape[1:]), memory) if draw.random() < 0.5 else None for _ in range(2)]
    wanted = draw.random() < 0.5
    needed = [k is not None and wanted for k in tensors]
    if draw.random() < 0.05:
        needed = [True] * draw.choice((3, 8, 9))
    torch.ops.snntrain.two_states_backward(grad_s, *pulls, x.detach(), T, place, *tensors, numbers, *settings, needed)
    return "computed"


def main() -> None:
    calls, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    torch.set_num_threads(2)
    cpu = contract.load("cpu")
    counts = {"calls": 0, "computed": 0, "refused": 0}
    for number in range(calls):
        draw = random.Random(f"{seed}-{number}")
        torch.manual_seed(number)
        counts[call(draw, cpu)] += 1
        counts["calls"] += 1
    print(json.dumps(counts))


if __name__ == "__main__":
    assert dispatch.COMPILED["cpu"]
    main()
