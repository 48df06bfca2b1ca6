"""The influences on a CPU's speed: threads, other programs, and the treatment of freed memory."""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch

from snntrain.doctor.finding import Finding
from snntrain.process import allocator

# Sizes of two tensors: by default glibc returns the memory of the first to the system; the second fits into its place.
SIZES = 2**24, 3 * 2**22
IN_ENVIRONMENT = " in the environment"
LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT")


def threads() -> Iterator[Finding]:
    """Report the threads of torch, and the cores that this process may use."""
    cores, used = usable_cores(), torch.get_num_threads()
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    hint = f"unset {', '.join(limits)}: {cores} cores could compute" if used < cores and limits else ""
    yield Finding("threads", f"{used} on {cores} cores", hint)


def load() -> Iterator[Finding]:
    """Report whether other programs keep the cores busy."""
    try:
        busy, cores = os.getloadavg()[0], usable_cores()
    except (AttributeError, OSError):  # Not available on this system.
        return
    if busy >= cores:
        hint = f"other programs are running (load {busy:.1f} on {cores} cores): end them, or expect less speed"
        yield Finding("load", f"{busy:.1f} in the last minute", hint)


def usable_cores() -> int:
    """Return the number of logical cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> Iterator[Finding]:
    """Report the treatment of freed memory, and whether a test confirms it."""
    reason = allocator.hindrance()
    if reason:
        own = reason.endswith(IN_ENVIRONMENT)
        hint = (
            f"unset {reason.removesuffix(IN_ENVIRONMENT)}, so that freed memory is kept for the next tensor"
            if own
            else ""
        )
        yield Finding("memory", f"freed memory is left to the C library: {reason}", hint)
    elif freed_memory_is_used_again():
        yield Finding("memory", "freed memory is kept for the next tensor, checked")
    else:
        loaded = os.environ.get("LD_PRELOAD")
        hint = f"unset LD_PRELOAD={loaded}, if it is another allocator" if loaded else ""
        yield Finding("memory", "freed memory goes back to the system in spite of the settings for glibc", hint)


def freed_memory_is_used_again() -> bool:
    """Return whether a tensor reuses the memory of a freed one, without new pages from the system."""
    import resource

    torch.ones(SIZES[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pages = torch.ones(SIZES[1]).nbytes / resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < pages / 10
