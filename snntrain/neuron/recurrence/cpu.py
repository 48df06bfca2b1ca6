"""The CPU's executor: Numba's kernels on flat arrays, spread over as many threads as torch uses."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from snntrain.neuron.recurrence import numba_kernels as kernels
from snntrain.neuron.recurrence.executor import Inputs, Parts, Rule

# Neuron-steps that a thread takes at a time; less than two of these are not worth a second thread.
PORTION = 2**17


def forward(rule: Rule, given: Inputs, s: Tensor, v_last: Tensor, h: Tensor | None, v: Tensor | None) -> None:
    """See `Executor`."""
    fixed = (*_arrays(given), *_thresholds(rule))
    written = (_array(s), _array(v_last), _sequence(h), _sequence(v))
    _spread(lambda lo, hi: kernels.forward(*fixed, *written, lo, hi), *s.shape)


def backward(
    rule: Rule,
    given: Inputs,
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    grad_x: Tensor,
    grad_v0: Tensor | None,
    learnt: bool,
) -> Parts | None:
    """See `Executor`; the parts are one a neuron where a coefficient is, else one a block."""
    x, T, neurons = given.x, given.T, given.x.shape[1]
    by_neuron = any(values.numel() > 1 for values in (given.a, given.b, given.c))
    count = neurons if by_neuron else -(-neurons // kernels.block_size(T))
    parts = Parts(*(torch.empty(count if learnt else 0) for _ in range(3)))
    fixed = (*_arrays(given), *_thresholds(rule), rule.kind, np.float32(rule.p), np.float32(rule.q))
    grads = (_array(grad_s.to(x.dtype)), _array(x.new_empty(0) if grad_v_last is None else grad_v_last.to(x.dtype)))
    written = (_array(grad_x), _array(torch.empty(0) if grad_v0 is None else grad_v0), *map(_array, parts))
    attached = np.float32(not rule.detach_reset)
    _spread(lambda lo, hi: kernels.backward(*fixed, attached, T, *grads, *written, lo, hi), T, neurons)
    return parts if learnt else None


def _arrays(given: Inputs) -> tuple[np.ndarray | np.float32, ...]:
    return _array(given.x), *map(_numbers, (given.a, given.b, given.c, given.v0))


def _array(tensor: Tensor) -> np.ndarray:
    """The same memory as an array; NumPy has no bfloat16, so its 16 bits."""
    tensor = tensor.detach()
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _sequence(tensor: Tensor | None) -> np.ndarray:
    return np.empty((0, 0), np.float32) if tensor is None else _array(tensor)


def _numbers(values: Tensor) -> np.float32 | np.ndarray:
    """A number that all neurons have, or the float32 of each."""
    return np.float32(values.item()) if values.numel() == 1 else _array(values.float())


def _thresholds(rule: Rule) -> tuple[np.float32, np.float32, bool]:
    soft = rule.v_reset is None
    return np.float32(rule.v_threshold), np.float32(0.0 if rule.v_reset is None else rule.v_reset), soft


# ---- threads ---------------------------------------------------------------------------------------------------------

# Not Numba's own threads: they are another OpenMP than torch's, compile slowly, and do not outlive a fork.
_pools: dict[int, ThreadPoolExecutor] = {}
os.register_at_fork(after_in_child=_pools.clear)


def _spread(kernel: Callable[[int, int], None], T: int, neurons: int) -> None:
    """Has all neurons computed, portion by portion, by this thread and as many others as are worth it.

    What a neuron comes to does not depend on who computes it, so the result is the same for any number of threads.
    """
    size = max(1, PORTION // (T * kernels.LARGEST_BLOCK)) * kernels.LARGEST_BLOCK
    starts = itertools.count(0, size)

    def work() -> None:
        # next() is atomic: no two threads get the same portion.
        while (lo := next(starts)) < neurons:
            kernel(lo, min(lo + size, neurons))

    others = min(torch.get_num_threads(), -(-neurons // size)) - 1
    running = [_pool(torch.get_num_threads()).submit(work) for _ in range(others)]
    work()
    for future in running:
        future.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="snntrain-neuron")
    return _pools[threads]
