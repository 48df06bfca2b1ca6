"""The exchange between the processes of a run on this machine's CPU: bytes, time, and waiting for the other process.

    python -m benchmarks.all_reduce [--processes 2] [--rounds 9] [--steps 20]

README.md in this folder explains the columns.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks import machine
from benchmarks.exchanges import Call, Part, Step, Timed, steps
from benchmarks.report import Row, Section, show, write
from benchmarks.tasks import mnist_root
from snntrain.cli.ranks.member import HOST
from snntrain.cli.ranks.started import environment, own_store

if TYPE_CHECKING:
    from snntrain.config.schema import Config

SECONDS = 600.0


@dataclass(frozen=True)
class Case:
    """A training: data set and images per batch, of the default network."""

    dataset: str
    batch: int

    @property
    def name(self) -> str:
        return f"{self.dataset}, batch {self.batch}"


CASES = tuple(Case(dataset, batch) for dataset in ("digits", "mnist") for batch in (64, 256))


@dataclass(frozen=True)
class Orders:
    """The place of a process: of `size`, or alone; `port` is that of the store at which they meet."""

    rank: int
    size: int
    port: int
    threads: int
    configs: Sequence[Config]


def main(argv: list[str] | None = None) -> None:
    settings = _parse(argv)
    device = torch.device("cpu")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        root, settings.real_mnist = mnist_root(Path(scratch), 200 if settings.quick else 60_000)
        cases = CASES[:1] if settings.quick else CASES
        found = _measure(settings, cases, [_config(case, settings, root) for case in cases])
    sections = [_times(settings, found), _parts(found)]
    for section in sections:
        show(section)
    described = machine.describe(device) | {"threads": settings.threads, "load before": load}
    write("all_reduce", settings.out or machine.results_folder(device), described, vars(settings), sections)


@dataclass(frozen=True)
class Found:
    """The measurements of a case: seconds per step of one process, and the steps of several."""

    case: Case
    alone: Sequence[float]
    together: Sequence[Step]

    def median(self, figure: Callable[[Step], float]) -> float:
        """Return the median of a figure over the steps."""
        return statistics.median(map(figure, self.together))


def _measure(settings: argparse.Namespace, cases: Sequence[Case], configs: Sequence[Config]) -> list[Found]:
    store = own_store()
    size = settings.processes
    each = max(1, settings.threads // size)
    alone = Process(Orders(0, 1, store.port, settings.threads, configs))
    group = [Process(Orders(rank, size, store.port, each, configs)) for rank in range(size)]
    seconds: list[list[float]] = [[] for _ in cases]
    together: list[list[Step]] = [[] for _ in cases]
    try:
        for _ in range(settings.rounds + 1):
            for index in range(len(cases)):
                seconds[index].append(_run([alone], index)[0][0])
                together[index].append(_typical(steps([calls for _, calls in _run(group, index)])))
    finally:
        for process in [alone, *group]:
            process.end()
    # In the first round the kernels are compiled and the memory is mapped.
    return [Found(case, times[1:], found[1:]) for case, times, found in zip(cases, seconds, together, strict=True)]


def _typical(found: Sequence[Step]) -> Step:
    """Return a step whose figures are the medians over the steps of an epoch."""

    def part(name: str) -> Part:
        parts: list[Part] = [getattr(step, name) for step in found]
        return Part(
            parts[0].calls,
            parts[0].size,
            statistics.median(part.seconds for part in parts),
            statistics.median(part.waited for part in parts),
        )

    seconds = statistics.median(step.seconds for step in found)
    return Step(seconds, part("gradients"), part("normalisations"), part("agreement"))


class Process:
    """The parent's side of a process."""

    def __init__(self, orders: Orders) -> None:
        spawning = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawning.Pipe()
        self.process = spawning.Process(target=_serve, args=(orders, theirs), daemon=True)
        before = os.environ.copy()
        # As in a process of a run; torch reads it at its import.
        os.environ.update(environment(orders.size), OMP_NUM_THREADS=str(orders.threads))
        try:
            with machine.like_snntrain(True):
                self.process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        theirs.close()

    def end(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.join(timeout=10)
        if self.process.is_alive():
            self.process.terminate()


def _run(processes: Sequence[Process], index: int) -> list[tuple[float, list[Call]]]:
    """Train an epoch of a case in some processes at once; return the seconds of a step and the calls of each."""
    for process in processes:
        process.pipe.send(index)
    return [process.pipe.recv() for process in processes]


def _serve(orders: Orders, pipe: Connection) -> None:
    """Train an epoch of a case on request; this runs in the process."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    from snntrain.signals import Stop
    from snntrain.training.agreement import Agreement
    from snntrain.training.job import build, precision
    from snntrain.training.job.group import Place
    from snntrain.training.job.world import World
    from snntrain.training.loop import train_epoch
    from snntrain.training.state import begin

    machine.keep_freed_memory()
    device = torch.device("cpu")
    group = None
    if orders.size > 1:
        store = TCPStore(HOST, orders.port, is_master=False)
        group = Timed(Place(orders.rank, orders.size, orders.rank), store, device, SECONDS)
        group.calls = []
    with ExitStack() as settings:
        here = World(device, precision.choose(orders.configs[0].trainer.precision, device), group)
        trainings = [begin(build.prepare(config, here)) for config in orders.configs]
        settings.enter_context(trainings[0].job.computing())
        stop = Agreement(Stop(), here)
        try:
            while True:
                training = trainings[pipe.recv()]
                stop.check()
                calls = [] if group is None else group.calls
                calls.clear()
                # Not the whole epoch: its last batch may be small.
                ends = [time.perf_counter()]

                def between_steps(ends: list[float] = ends) -> None:
                    stop.check()
                    ends.append(time.perf_counter())

                train_epoch(training, between_steps)
                training.progress.next_epoch()
                pipe.send((statistics.median(after - before for before, after in pairwise(ends)), calls))
        except EOFError:
            return
        finally:
            if group is not None:
                group.close()


def _config(case: Case, settings: argparse.Namespace, root: Path) -> Config:
    from snntrain.config.validate import validate

    (config,) = validate(
        [
            *(f"dataset={case.dataset}", f"dataset.root={root}", f"trainer.batch_size={case.batch}"),
            *("trainer.device=cpu", f"trainer.precision={settings.precision}", "trainer.epochs=100000"),
            *(f"trainer.limit_batches={settings.steps}", "monitor=off"),
        ]
    )
    return config


def _times(settings: argparse.Namespace, found: Sequence[Found]) -> Section:
    rows: list[Row] = []
    for one in found:
        alone, step = statistics.median(one.alone), one.median(lambda step: step.seconds)
        rows.append(
            {
                "name": one.case.name,
                "one process ms": alone * 1e3,
                "step ms": step * 1e3,
                "speed-up": alone / step,
                "waiting ms": one.median(lambda step: step.waited) * 1e3,
                "waiting share": one.median(lambda step: step.waited / step.seconds),
                "exchange share": one.median(lambda step: _exchanged(step) / step.seconds),
            }
        )
    title = f"a training step of {settings.processes} processes, {settings.threads} threads in all"
    return Section(title, "step ms", rows, "waiting: for the other process, before it comes; exchange: after it has")


def _parts(found: Sequence[Found]) -> Section:
    rows: list[Row] = []
    for one in found:
        for name in ("gradients", "normalisations", "agreement"):
            first: Part = getattr(one.together[0], name)
            rows.append(
                {
                    "name": f"{one.case.name}: {name}",
                    "calls": first.calls,
                    "KB": first.size / 1e3,
                    "ms": one.median(lambda step, name=name: getattr(step, name).seconds) * 1e3,  # type: ignore[misc]
                    "waiting ms": one.median(lambda step, name=name: getattr(step, name).waited) * 1e3,  # type: ignore[misc]
                }
            )
    return Section("the calls of a step", "ms", rows, "ms: of all calls of this kind, from when all have come")


def _exchanged(step: Step) -> float:
    return step.gradients.seconds + step.normalisations.seconds + step.agreement.seconds


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.all_reduce", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--steps", type=int, default=20, help="of an epoch, at least 4")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of all processes together")
    parser.add_argument("--quick", action="store_true", help="small and few, to see that everything runs")
    parser.add_argument("--out", type=Path, help="folder; default benchmarks/results/<date>-<device name>")
    settings = parser.parse_args(argv)
    if settings.quick:
        settings.steps, settings.rounds = 4, 1
    if settings.processes < 2 or settings.steps < 4:
        parser.error("give at least 2 processes and 4 steps")
    return settings


if __name__ == "__main__":
    main()
