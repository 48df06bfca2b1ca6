"""Trainers in processes of their own: settings of the allocator are a process's, and drift must hit all alike.

All workers stay alive; the parent has one after the other make its steps, round by round, and never two at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.timing import Times
from benchmarks.trainers import Spec

# The first calls compile, choose algorithms and fill the allocator.
WARM_UP_CALLS = 2


@dataclass
class Outcome:
    """What a worker came to: `runs` says what it was, `times` are seconds a training step, or `failed` says why not."""

    spec: Spec
    runs: str = ""
    times: Times | None = None
    failed: str | None = None


def alternate(specs: Sequence[Spec], rounds: int) -> list[Outcome]:
    """Has each spec trained in a worker, `rounds` times its number of steps, alternating."""
    workers = [Worker(spec) for spec in specs]
    try:
        for worker in workers:
            worker.wait_until_ready()
        for worker in workers:
            for _ in range(WARM_UP_CALLS):
                worker.call(count=False)
        for number in range(rounds):
            first = number % len(workers)
            for worker in workers[first:] + workers[:first]:
                worker.call()
    finally:
        for worker in workers:
            worker.end()
    return [worker.outcome() for worker in workers]


@dataclass
class Worker:
    """The parent's side of a worker, which starts at once."""

    spec: Spec
    runs: str = ""
    failed: str | None = None
    readings: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawning.Pipe()
        self._process = spawning.Process(target=serve, args=(self.spec, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def wait_until_ready(self) -> None:
        """Waits for the end of the imports and the building, which would disturb the measuring of another."""
        self.runs = self._receive() or ""

    def call(self, *, count: bool = True) -> None:
        """Has the worker make its steps; it stays silent once it has failed."""
        if self.failed is not None:
            return
        self._pipe.send("run")
        seconds = self._receive()
        if seconds is not None and count:
            self.readings.append(seconds / self.spec.steps)

    def end(self) -> None:
        """Ends the process."""
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()

    def outcome(self) -> Outcome:
        """What it came to."""
        times = Times(self.readings) if self.failed is None else None
        return Outcome(self.spec, self.runs, times, self.failed)

    def _receive(self) -> Any:
        """What the worker answers; None once it has failed, and `failed` says how."""
        try:
            kind, value = self._pipe.recv()
        except EOFError:
            kind, value = "failed", f"the process ended with status {self._process.exitcode}"
        if kind == "failed":
            self.failed = value
            return None
        return value


def serve(spec: Spec, pipe: Connection) -> None:
    """The worker's side: builds the trainer, then makes its steps whenever it is told to."""
    # A peer may greet its user, and a bar may be drawn; the terminal is the parent's.
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  open as long as the process
    try:
        from benchmarks.machine import keep_freed_memory

        kept = spec.keep_memory and keep_freed_memory()
        import torch

        from benchmarks.trainers import build

        torch.set_num_threads(spec.task.threads)
        trainer = build(spec)
        pipe.send(("ready", trainer.runs + (", keeps freed memory" if kept else "")))
        while pipe.recv() == "run":
            started = time.perf_counter()
            trainer()
            pipe.send(("seconds", time.perf_counter() - started))
    except EOFError:
        return
    except Exception as error:  # The parent puts it into the table.
        pipe.send(("failed", f"{type(error).__name__}: {error}".splitlines()[0]))
