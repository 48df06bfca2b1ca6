"""The time of a start and of a resume, from the command to the first step and its checkpoint."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import partial

from chaos.case import Case
from chaos.data import write_mnist
from chaos.training import Bench

SCENARIO = "time to resume"
# A checkpoint after every step shows when the first one is done.
EVERY_STEP = ("trainer.checkpoint_minutes=1e-6", "trainer.epochs=50", "monitor=off", "trainer.device=cpu")


def cases(count: int) -> Iterator[Case]:
    """Yield `count` pairs: the default training and one with MNIST's files."""
    for _ in range(count):
        yield Case(SCENARIO, partial(started_and_resumed, name="digits", given=()), twins=())
        yield Case(SCENARIO, partial(started_and_resumed, name="mnist", given=("dataset=mnist", "T=4")), twins=())


def started_and_resumed(bench: Bench, name: str, given: tuple[str, ...]) -> None:
    """Start a new Python, as a user does, and kill it after its first step; then do the same with a resume."""
    if name == "mnist":
        write_mnist(bench.place / "data")
        given = (*given, "dataset.root=data")
    training = bench.training(name, given=(*EVERY_STEP, *given))
    for what, argv in (("start", training.command), ("resume", training.resume)):
        process = training.start(argv, fresh=True)
        stepped = process.until(training.is_writing, pause=0.001)
        bench.outcome.expect(stepped, f"{training.label}: no step after {what}: {process.said()[-3:]}")
        bench.outcome.measure(f"{what}, {name}", time.monotonic() - process.started)
        bench.outcome.faults += 1
        process.kill_all()
    shutil.rmtree(training.folder)
