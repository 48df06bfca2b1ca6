"""Several processes in one folder, and helper processes that die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial

from chaos.case import Case
from chaos.process import start
from chaos.training import SLOW, STREAMED, Bench, stopped_by

TWO, DEAD_OWNER, SAME_SECOND, WORKER = "two processes, one folder", "lock of a dead owner", "same second", "worker dies"
ORPHAN_SECONDS = 20.0
TINY = ("network=mlp", "network.hidden=[8]", "debug=smoke", "trainer.device=cpu", "monitor=off")


def cases(count: int) -> Iterator[Case]:
    """Yield `count` cases of each kind."""
    for _ in range(count):
        yield Case(TWO, two_on_one_folder, twins=(SLOW,))
        yield Case(DEAD_OWNER, lock_of_a_dead_owner, twins=(STREAMED,))
        yield Case(WORKER, worker_dies, twins=(STREAMED,))
    yield Case(SAME_SECOND, partial(same_second, count=4 * count), twins=())


def two_on_one_folder(bench: Bench) -> None:
    """Start others in the folder of a running training. They are refused by name, and it is not disturbed."""
    training = bench.training(SLOW)
    first = training.start()
    first.until(lambda: (training.folder / "run.lock").exists())
    others = [training.command, training.resume]
    while first.lives(bench.rng.uniform(0, 0.6)) and others:
        other = training.start(others.pop())
        other.wait()
        # If the first has ended meanwhile, the other finds nothing left to train.
        if first.lives(0):
            stopped_by(other, bench.outcome, [2], str(first.pid), os.uname().nodename)
            bench.outcome.faults += 1
    bench.outcome.expect(not others, f"{training.label}: ended before the others came")
    training.ends(first)


def lock_of_a_dead_owner(bench: Bench) -> None:
    """Kill the owner and resume at once, while a worker of the dead owner still runs."""
    training = bench.training(STREAMED)
    process = training.start()
    process.until(lambda: training.has_checkpoint() and bool(process.children()))
    orphans = process.children()
    for orphan in orphans:
        os.kill(orphan, signal.SIGSTOP)
    process.kill()
    bench.outcome.faults += 1
    alive = [orphan for orphan in orphans if _is_there(orphan)]
    bench.outcome.expect(bool(alive), f"{training.label}: no worker outlived its owner, so nothing was tried")
    training.finish(training.resume)
    for orphan in alive:
        with suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGCONT)
    _end_by_themselves(bench, alive)


def _end_by_themselves(bench: Bench, orphans: list[int]) -> None:
    """Expect the workers of a dead owner to end by themselves."""
    begun = time.monotonic()
    while any(map(_is_there, orphans)) and time.monotonic() - begun < ORPHAN_SECONDS:
        time.sleep(0.05)
    bench.outcome.measure("until the workers of a dead owner ended", time.monotonic() - begun)
    for orphan in filter(_is_there, orphans):
        bench.outcome.expect(False, f"worker {orphan} lived for {ORPHAN_SECONDS:.0f} s after its owner was killed")
        os.kill(orphan, signal.SIGKILL)


def _is_there(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def worker_dies(bench: Bench) -> None:
    """Kill the process that reads the images, several times. Training continues with another one."""
    training = bench.training(STREAMED)
    process = training.start()
    killed: set[int] = set()
    while len(killed) < 3 and process.until(lambda: bool(set(process.children()) - killed), 20):
        if not process.lives(bench.rng.uniform(0, 0.5)):
            break
        for worker in set(process.children()) - killed:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
            killed.add(worker)
            bench.outcome.faults += 1
    training.ends(process)


def same_second(bench: Bench, count: int) -> None:
    """Start many trainings in one second without naming a folder. Each gets its own."""
    moment = datetime.now()
    processes = []
    for _ in range(count):
        bench.outcome.runs += 1
        bench.outcome.faults += 1
        processes.append(start(TINY, bench.place, before=partial(_stop_hydras_clock, moment)))
    codes = [process.wait() for process in processes]
    folders = list(bench.place.glob("outputs/*/*/summary.json"))
    bench.outcome.expect(codes == [0] * count, f"status {codes} of runs begun in one second")
    bench.outcome.lost += count - len(folders)
    names = {path.parent.name[:8] for path in folders}
    bench.outcome.expect(len(names) == 1, f"runs of one second have names of {len(names)}: {sorted(names)}")


def _stop_hydras_clock(moment: datetime) -> None:
    """Stop the clock of Hydra, so that all folders are named after the same second."""
    import hydra.core.utils

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return moment

    vars(hydra.core.utils)["datetime"] = Stopped
