"""The division of a machine into slots: each runs one job of a sweep at a time, with its own GPUs and threads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snntrain.errors import UserError
from snntrain.process import cores, gpus

AUTO = "auto"
# A step of a small network is too short to divide among many threads; and each process takes half a gigabyte of memory,
# which many processes would fill.
CORES_OF_A_JOB = 4
# Variables with the number of threads of a process. If the user has set the first, all are left alone.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Machine:
    """The part of a machine that a sweep may use: a number of cores, and its GPUs by the names that CUDA takes."""

    cores: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slot:
    """The share of one job.

    Args:
        threads: the number of threads.
        gpus: its GPUs; None if the machine has none.
    """

    threads: int
    gpus: tuple[str, ...] | None = None

    def environment(self, given: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Return the environment of a process in this slot; the number of threads that the user has set is kept."""
        own = {} if THREADS[0] in given else {name: given.get(name, str(self.threads)) for name in THREADS}
        visible = {} if self.gpus is None else {gpus.VISIBLE: ",".join(self.gpus)}
        return {**given, **own, **visible}


def this_machine() -> Machine:
    """Return what this process may use."""
    return Machine(cores.usable(), gpus.usable())


def divided(machine: Machine, workers: int | str, gpus_per_job: float, jobs: int) -> list[Slot]:
    """Return the slots of a sweep.

    Args:
        machine: what the sweep may use.
        workers: the number of jobs at once, or "auto".
        gpus_per_job: the GPUs of a job: a whole number, or a share.
        jobs: the number of jobs; there are no more slots.

    Raises:
        UserError: the GPUs are too few.
    """
    if not machine.gpus:
        wanted = max(1, machine.cores // CORES_OF_A_JOB) if workers == AUTO else int(workers)
        return [Slot(threads) for threads in _shares(machine.cores, min(wanted, jobs))]
    if gpus_per_job == 0:
        without = divided(Machine(machine.cores), workers, 0, jobs)
        return [Slot(slot.threads, ()) for slot in without]
    groups = _groups(machine.gpus, gpus_per_job)
    if not groups or (workers != AUTO and int(workers) > len(groups)):
        asked = f"sweep.workers={workers}, sweep.gpus_per_job={gpus_per_job:g}"
        room = f"{len(groups)} {'job fits' if len(groups) == 1 else 'jobs fit'}"
        raise UserError(
            f"{asked}: there are {len(machine.gpus)} GPUs ({', '.join(machine.gpus)}), on which {room} at once; "
            "give fewer of either, or sweep.gpus_per_job=0 for jobs on the CPU"
        )
    number = min(len(groups) if workers == AUTO else int(workers), jobs)
    shares = _shares(machine.cores, number)
    return [Slot(threads, group) for threads, group in zip(shares, groups, strict=False)]


def _groups(names: Sequence[str], per_job: float) -> list[tuple[str, ...]]:
    """Return the GPUs of each slot; jobs that share GPUs are spread over all of them first."""
    if per_job < 1:
        # A share of 0.33 is meant as a third.
        return [(name,) for _ in range(int(1 / per_job + 0.05)) for name in names]
    size = int(per_job)
    return [tuple(names[start : start + size]) for start in range(0, len(names) - size + 1, size)]


def _shares(count: int, number: int) -> list[int]:
    return [max(1, count // number)] * number
