"""Candidates in separate processes: settings of the allocator belong to a process, and drift must affect all alike.

All workers stay alive; the parent runs the steps of one after the other, round by round, and never two at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Protocol

import torch

from benchmarks import machine
from benchmarks.timing import Times

# The first calls compile, select algorithms and fill the allocator.
WARM_UP_CALLS = 2


class Action(Protocol):
    """A callable that runs a number of steps and returns when the device has finished them; `runs` describes them."""

    runs: str

    def __call__(self) -> None: ...


class Spec(Protocol):
    """The task of a worker, which is sent to it.

    Args:
        name: its name in the tables.
        steps: steps per call.
        threads: threads of the CPU.
        keep_memory: use snntrain's settings of the process, see `machine.like_snntrain`.
    """

    name: str
    steps: int
    threads: int
    keep_memory: bool

    def build(self) -> Action:
        """Return the action, in the worker."""


@dataclass
class Outcome:
    """The results of a worker: `runs` describes it, `times` are seconds per step, or `failed` has the reason."""

    spec: Spec
    runs: str = ""
    times: Times | None = None
    failed: str | None = None


def alternate(specs: Sequence[Spec], rounds: int) -> list[Outcome]:
    """Train each spec in a worker, `rounds` times its number of steps, alternating."""
    workers = [Worker(spec) for spec in specs]
    try:
        for worker in workers:
            worker.wait_until_ready()
        for worker in workers:
            for _ in range(WARM_UP_CALLS):
                worker.call(count=False)
        order, shuffled = workers[:], random.Random(0)
        for _ in range(rounds):
            shuffled.shuffle(order)
            for worker in order:
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
        # Variables that torch reads at its import must be in the environment when the process starts.
        with machine.like_snntrain(self.spec.keep_memory):
            self._process.start()
        theirs.close()

    def wait_until_ready(self) -> None:
        """Wait for the end of the imports and the building, which would disturb the measurement of another worker."""
        self.runs = self._receive() or ""

    def call(self, *, count: bool = True) -> None:
        """Run the worker's steps; do nothing once it has failed."""
        if self.failed is not None:
            return
        self._pipe.send("run")
        seconds = self._receive()
        if seconds is not None and count:
            self.readings.append(seconds / self.spec.steps)

    def end(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()

    def outcome(self) -> Outcome:
        """Return its results."""
        times = Times(self.readings) if self.failed is None else None
        return Outcome(self.spec, self.runs, times, self.failed)

    def _receive(self) -> Any:
        """Return the worker's answer; None once it has failed, with the reason in `failed`."""
        try:
            kind, value = self._pipe.recv()
        except EOFError:
            kind, value = "failed", f"the process ended with status {self._process.exitcode}"
        if kind == "failed":
            self.failed = value
            return None
        return value


def serve(spec: Spec, pipe: Connection) -> None:
    """Build the trainer, then run its steps on request; this runs in the worker."""
    # A peer may print a greeting or draw a bar, but the terminal belongs to the parent.
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  open as long as the process
    try:
        kept = spec.keep_memory and machine.keep_freed_memory()
        torch.set_num_threads(spec.threads)
        action = spec.build()
        pipe.send(("ready", action.runs + (", keeps freed memory" if kept else "")))
        while pipe.recv() == "run":
            started = time.perf_counter()
            action()
            pipe.send(("seconds", time.perf_counter() - started))
    except EOFError:
        return
    except Exception as error:  # The parent puts it into the table.
        pipe.send(("failed", f"{type(error).__name__}: {error}".splitlines()[0]))
