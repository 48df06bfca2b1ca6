"""A training that runs out of memory."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from chaos import compare
from chaos.case import Case
from chaos.training import CONVOLUTIONAL, SMALL, Bench, Training, stopped_by

SCENARIO = "out of memory"
MEGABYTE = 2**20
# With so many steps one tensor of a layer takes 0.26 MB per image.
GIVEN = (*SMALL, *CONVOLUTIONAL, "T=256", "trainer.limit_batches=4", "trainer.epochs=2", "monitor=off")
# A start takes a varying amount of memory, mostly for threads, so several limits are tried.
MEGABYTES = range(100, 2000, 50)


def cases(count: int) -> Iterator[Case]:
    """Yield `count` cases of each kind."""
    for _ in range(count):
        yield Case(SCENARIO, in_evaluation, twins=())
        yield Case(SCENARIO, in_training, twins=())


def in_evaluation(bench: Bench) -> None:
    """Validation takes too much. A line says so, and smaller batches lead to the same weights."""
    training = bench.training_of(*GIVEN, "trainer.batch_size=8", "trainer.eval_batch_size=512")
    megabytes = _run_out(training, "trainer.eval_batch_size=512", "try trainer.eval_batch_size=256")
    process = training.start([*training.next_command(), "trainer.eval_batch_size=8"], before=partial(_limit, megabytes))
    if code := process.wait():
        training.lose(f"status {code} with smaller batches: {' / '.join(process.said()[-3:])}")
        return
    ours, theirs = (
        compare.load(folder / "checkpoints" / "last.pt")["trained"] for folder in (training.folder, training.twin)
    )
    if found := list(compare.unequal(ours, theirs)):
        bench.outcome.different += 1
        bench.outcome.findings.append(f"DIFFERENT {training.label}: {'; '.join(found[:4])}")


def in_training(bench: Bench) -> None:
    """A step takes too much. A line says so, and with more memory the training resumes."""
    training = bench.training_of(*GIVEN, "trainer.batch_size=256", "trainer.eval_batch_size=8")
    _run_out(training, "trainer.batch_size=256", "try trainer.batch_size=128 with trainer.accumulate=2")
    training.finish()


def _run_out(training: Training, what: str, advice: str) -> int:
    """Start it with more and more memory until `what` takes too much; return that limit."""
    outcome = training.bench.outcome
    for megabytes in MEGABYTES:
        process = training.start(before=partial(_limit, megabytes))
        code = process.wait()
        line = " ".join(process.said()[-1:])
        if code == 0 or what in line:
            break
        outcome.note("not enough even for what comes before")
    outcome.faults += 1
    stopped_by(process, outcome, [1], "out of memory", what, "T=256", "precision fp32", advice)
    return megabytes


def _limit(megabytes: int) -> None:
    """Limit the address space to what is used, and so many megabytes more."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    limit = used + megabytes * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
