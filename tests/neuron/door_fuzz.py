"""Random calls of the compiled operator with arrays that end, or begin, at a protected page.

    python tests/neuron/door_fuzz.py <calls> [<seed>]

Input, coefficients, state, gradients, results and scratch memory lie in such arrays. A call either gives the result of
the definition, or is refused by an exception; a read or write past an array ends the process. The last line on the
standard output is a JSON object with the counts. The last call before a fault is the last line on the standard error.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import random
import sys
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snntrain.kernels import dispatch, layout
from snntrain.kernels.cpu import caches
from snntrain.neuron import surrogate
from snntrain.neuron.integrate_and_fire import cpu, integrate_and_fire, operator
from snntrain.neuron.integrate_and_fire.formulas import formula

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)
SIZES = (1, 1, 2, 3, 5, 15, 16, 17, 33, 64, 130)


class Guarded:
    """Memory between two protected pages; it exists as long as this object."""

    def __init__(self, at_the_end: bool) -> None:
        self.at_the_end, self.kept = at_the_end, []

    def flat(self, elements: int, dtype: torch.dtype) -> Tensor:
        """Return uninitialised numbers."""
        size = elements * dtype.itemsize
        if not size:
            return torch.empty(0, dtype=dtype)
        pages = -(-size // PAGE)
        block = mmap.mmap(-1, (pages + 2) * PAGE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(block))
        for guard in (base, base + (pages + 1) * PAGE):
            if LIBC.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(PAGE), 0):
                raise OSError(ctypes.get_errno(), "mprotect")
        self.kept.append(block)
        start = PAGE + (pages * PAGE - size if self.at_the_end else 0)
        return torch.frombuffer(block, dtype=dtype, count=elements, offset=start)

    def empty_strided(self, size: Any, stride: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
        extent = 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if prod(size) else 0
        return self.flat(extent, dtype or torch.float32).as_strided(tuple(size), tuple(stride))

    def empty(self, *size: Any, dtype: Any = None, **_: Any) -> Tensor:
        shape = size[0] if len(size) == 1 and isinstance(size[0], tuple) else size
        return self.flat(prod(shape), dtype or torch.float32).view(shape)

    def zeros(self, *size: Any, **more: Any) -> Tensor:
        return self.empty(*size, **more).zero_()

    def full(self, size: Any, value: float) -> Tensor:
        return self.empty(*size).fill_(value)

    def copy_of(self, values: Tensor) -> Tensor:
        """Return the same numbers and strides, in guarded memory."""
        if values.layout is not torch.strided or values.is_neg() or values.is_conj():
            return values
        same = self.empty_strided(values.shape, values.stride(), dtype=values.dtype)
        if any(step == 0 and n > 1 for step, n in zip(values.stride(), values.shape, strict=True)):
            # Numbers that share their memory are written once.
            once = tuple(slice(1) if step == 0 else slice(None) for step in values.stride())
            same[once].copy_(values[once])
            return same
        return same.copy_(values)


class Torch:
    """The module torch for the code under test, with allocations in guarded memory."""

    def __init__(self, memory: Guarded) -> None:
        self.memory = memory

    def __getattr__(self, name: str) -> Any:
        return getattr(self.memory if name in ("empty", "empty_strided", "zeros", "full") else torch, name)


def arbitrary(draw: random.Random, shape: tuple[int, ...], memory: Guarded) -> Tensor:
    """Return a tensor of about this shape, in any layout and of any dtype, mostly those that are accepted."""
    if draw.random() < 0.04:
        shape = tuple(max(0, n + draw.choice((-1, 1))) if draw.random() < 0.5 else n for n in shape)
    if draw.random() < 0.02:
        shape = shape[1:]
    dtype = draw.choices(
        (torch.float32, torch.bfloat16, torch.float64, torch.float16, torch.int64, torch.bool, torch.complex64),
        (70, 24, 1, 1, 1, 1, 1),
    )[0]
    values = (torch.randn(shape) * 1.5 + 0.5).to(dtype)
    way = draw.randrange(9)
    if way == 1 and values.ndim > 1:
        values = values.transpose(0, draw.randrange(values.ndim)).contiguous().transpose(0, -1)
    elif way == 2 and values.ndim:
        wide = torch.randn(*shape[:-1], 2 * shape[-1] + 1).to(dtype)
        values = wide[..., : 2 * shape[-1] : 2]
    elif way == 3 and values.ndim:
        values = values[:1].expand(shape) if shape[0] else values
    elif way == 4:
        # Torch takes no view of negative stride from NumPy, but a copy of one.
        values = torch.from_numpy(np.array(np.flip(values.real.float().numpy()))).to(dtype)
    elif way == 5 and values.ndim == 4:
        values = values.contiguous(memory_format=torch.channels_last)
    elif way == 6 and dtype.is_floating_point and draw.random() < 0.3:
        values = values.to_sparse() if values.ndim else values
    elif way == 7 and values.ndim and dtype.is_floating_point:
        values = values.flip(0)
    return memory.copy_of(values)


def coefficient(draw: random.Random, step: tuple[int, ...], value: float, memory: Guarded) -> Any:
    kind = draw.randrange(5)
    if kind < 2:
        return value
    if kind == 2:
        return torch.full((1,) * draw.randrange(3), value)
    shape = tuple(n if draw.random() < 0.7 else 1 for n in step)
    tensor = arbitrary(draw, shape, memory)
    return tensor * 0.1 + value if tensor.is_floating_point() and tensor.layout is torch.strided else tensor


def call(draw: random.Random) -> str:
    """Make one random call, forward and backward; return 'computed' or 'refused'."""
    memory = Guarded(draw.random() < 0.5)
    for module in (cpu, layout):
        module.torch = Torch(memory)  # type: ignore[attr-defined]
    caches.FAR = draw.choice((0, 2**40))
    T, step = draw.choice((1, 1, 2, 3, 7)), tuple(draw.choice(SIZES) for _ in range(draw.randrange(4)))
    if prod(step) > 40_000:
        step = step[:2]
    if draw.random() < 0.05:
        step = (*step, 0)
    x = arbitrary(draw, (draw.choice((T, T, 1)), *step), memory)
    given = [coefficient(draw, step, value, memory) for value in (0.5, -1.0, 0.1)]
    v = 0.0 if draw.random() < 0.4 else arbitrary(draw, step, memory)
    asked = T if draw.random() < 0.9 else draw.choice((-1, 0, 1, 2, 9, 1000))
    # One reset and one surrogate: another one would take seconds to compile, and access the same memory.
    v_reset = None if x.dtype == torch.bfloat16 else draw.choice((0.0, -0.3))
    rule = {"v_threshold": draw.choice((0.75, 1e9, -0.2)), "v_reset": v_reset, "detach_reset": False}
    function = surrogate.ATan()
    tensors = [x, *given, v]
    reported = [
        f"{list(k.shape)} {k.stride() if k.layout is torch.strided else k.layout} {k.dtype}"
        if isinstance(k, Tensor)
        else k
        for k in tensors
    ]
    print(f"T={asked} {reported} {rule} {type(function).__name__} far={caches.FAR}", file=sys.stderr, flush=True)
    try:
        return (
            _direct(draw, x, asked, given, v, rule, function)
            if draw.random() < 0.5
            else _through(draw, x, asked, given, v, rule, function)
        )
    except (ValueError, TypeError, RuntimeError, NotImplementedError, IndexError, AttributeError):
        return "refused"


def _through(draw: random.Random, x: Any, T: int, given: Any, v: Any, rule: Any, function: Any) -> str:
    """Call it as a neuron does, with gradients of any of the tensors, and compare with the definition."""
    tensors = [k for k in (x, *given, v) if isinstance(k, Tensor) and k.is_floating_point()]
    for values in tensors if draw.random() < 0.5 else tensors[:1]:
        values.requires_grad_()
    run = integrate_and_fire(x, *given, v, T=T if draw.random() < 0.7 else None, surrogate=function, **rule)
    if run.s.requires_grad:
        (run.s.float().sum() + run.v_last.float().sum()).backward()
    return "computed"


def _direct(draw: random.Random, x: Any, T: int, given: Any, v: Any, rule: Any, function: Any) -> str:
    """Call the operators by their names, backward with gradients that may not fit."""
    shape = formula(function)
    assert shape is not None
    tensors = [k.detach() if isinstance(k, Tensor) else None for k in (*given, v)]
    numbers = [0.0 if isinstance(k, Tensor) else k for k in (*given, v)][: 4 if draw.random() < 0.97 else 3]
    settings = (rule["v_threshold"], rule["v_reset"], rule["detach_reset"], *shape)
    if draw.random() < 0.03:
        settings = (*settings[:3], draw.choice((-1, 99)), 1.0, 0.0)
    torch.ops.snntrain.integrate_and_fire(x.detach(), T, *tensors, numbers, *settings, draw.random() < 0.3)
    memory = cpu.torch.memory  # type: ignore[attr-defined]
    grad_s = arbitrary(draw, (T, *x.shape[1:]), memory)
    grad_v = arbitrary(draw, tuple(x.shape[1:]), memory) if draw.random() < 0.5 else None
    wanted = draw.random() < 0.5
    needed = [(k is not None and wanted) or draw.random() < 0.01 for k in tensors]
    torch.ops.snntrain.integrate_and_fire_backward(grad_s, grad_v, x.detach(), T, *tensors, numbers, *settings, needed)
    return "computed"


def main() -> None:
    calls, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    torch.set_num_threads(2)
    operator.load("cpu")
    counts = {"calls": 0, "computed": 0, "refused": 0}
    for number in range(calls):
        draw = random.Random(f"{seed}-{number}")
        torch.manual_seed(number)
        counts[call(draw)] += 1
        counts["calls"] += 1
    print(json.dumps(counts))


if __name__ == "__main__":
    assert dispatch.COMPILED["cpu"]
    main()
