"""Run C functions on torch's own computing threads.

Torch's threads wait for their next work in a loop, so other threads would have to share their cores. They belong to the
OpenMP library that torch has loaded, which runs any function.
"""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor

import torch

FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
# The entry point of GNU's OpenMP, which LLVM's and Intel's also have; None if torch has loaded none of these.
_parallel = getattr(ctypes.CDLL(None), "GOMP_parallel", None) if os.name == "posix" else None
if _parallel is not None:
    _parallel.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
_pools: dict[int, ThreadPoolExecutor] = {}
# Threads do not survive a fork, and OpenMP would wait for its threads for ever.
_forked = False


def _after_fork() -> None:
    global _forked
    _forked = True


if os.name == "posix":
    os.register_at_fork(after_in_child=_after_fork)


def threads_for(pieces: int) -> int:
    """Return the number of threads for this many pieces of work, at most the number that torch uses."""
    return 1 if _forked else max(1, min(pieces, torch.get_num_threads()))


def run_on_threads(function: int, data: int, threads: int) -> None:
    """Call the C function at address `function` with `data` on each of this many threads."""
    if threads > 1 and _parallel is not None:
        _parallel(function, data, threads, 0)
        return
    # ctypes releases the interpreter's lock during the call.
    call = FUNCTION(function)
    running = [_pool(threads).submit(call, data) for _ in range(threads - 1)]
    call(data)
    for future in running:
        future.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="snntrain-neuron")
    return _pools[threads]
