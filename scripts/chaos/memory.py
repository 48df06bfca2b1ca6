"""A training for which the memory does not suffice."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from chaos.case import Case
from chaos.training import PLAIN, Bench, stopped_by

SCENARIO = "out of memory"
MEGABYTE = 2**20


def cases(count: int) -> Iterator[Case]:
    """So many limits."""
    for _ in range(count):
        yield Case(SCENARIO, too_little)


def too_little(bench: Bench) -> None:
    """Validation with too great a batch: the line says what to lower, and with it the training goes on."""
    training = bench.training(PLAIN)
    # 143 images at once and T=4 take a MB or so; what a start takes before is not known, so the limit is felt for.
    for megabytes in range(20, 2000, 20):
        process = training.start(before=partial(_limit, megabytes))
        bench.outcome.faults += 1
        if process.wait() == 0:
            training.compare()
            return
        line = stopped_by(process, bench.outcome, [1])
        if "batch_size" in line:
            break
    stopped_by(process, bench.outcome, [1], "trainer.batch_size=64", "T=4", "fp32", "lower")
    training.finish()


def _limit(megabytes: int) -> None:
    """No more address space than there is, and some."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    limit = used + megabytes * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
