"""Recordings that are converted while processes are killed, compete, and run out of space, or that are damaged after.

Whatever happens, the frames read afterwards are those of an undisturbed conversion, and the training ends alike.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from chaos import recordings
from chaos.case import Case
from chaos.disk import NOT_MOUNTED, fill, small_disk
from chaos.process import Process
from chaos.training import CONVOLUTIONAL, SMALL, Bench, Training, stopped_by

KILLED, TWO, DAMAGED, FULL = "killed while converting", "two convert at once", "damaged cache", "full disk, converting"
FOLDER = ".snntrain-cache"
# The time in which a conversion is certainly under way.
CONVERTING_SECONDS = 1.2
MOST_LEFT = 60_000
ALLOWED = f"allow_targets=[{recordings.__name__}]"
STREAMED, IN_MEMORY = ("dataset.resident=never", "dataset.workers=1"), ("dataset.resident=auto",)


def cases(count: int) -> Iterator[Case]:
    """Yield `count` cases of each kind."""
    for index in range(count):
        how = (STREAMED, IN_MEMORY)[index % 2]
        yield Case(KILLED, partial(killed, how=how), twins=())
        yield Case(TWO, partial(two_at_once, how=how), twins=())
        yield Case(DAMAGED, partial(damaged, how=how), twins=())
        yield Case(FULL, partial(full_disk, how=how), twins=())


def killed(bench: Bench, how: Sequence[str]) -> None:
    """Kill the command or a process that reads for it, several times while it converts; then let it end."""
    data = Data(bench, how)
    for number in range(4):
        data.clear()
        training = data.training(f"run-{number}")
        process = training.start()
        for _ in range(bench.rng.randrange(1, 4)):
            if not _killed_in_time(data, process):
                break
            process = training.start(training.next_command())
        data.ends(training, process)


def _killed_in_time(data: Data, process: Process) -> bool:
    """Kill a training while it converts; return whether it was still alive."""
    bench = data.bench
    if not process.until(data.is_converting) or not process.lives(bench.rng.uniform(0, CONVERTING_SECONDS)):
        return False
    if bench.rng.random() < 0.3 and (readers := process.children()):
        with suppress(ProcessLookupError):
            os.kill(bench.rng.choice(readers), signal.SIGKILL)
            bench.outcome.note("a process that reads")
            bench.outcome.faults += 1
        process.lives(bench.rng.uniform(0, 0.3))
    if not bench.rng.choice([process.kill, process.kill_all])():
        return False
    bench.outcome.note("the command, a file half written" if data.half_written() else "the command, between two files")
    bench.outcome.faults += 1
    return True


def two_at_once(bench: Bench, how: Sequence[str]) -> None:
    """Start three trainings at once; sometimes the one that converts is killed. The others have the same frames."""
    data = Data(bench, how)
    trainings = [data.training(f"run-{number}") for number in range(3)]
    processes = []
    for training in trainings:
        processes.append(training.start())
        time.sleep(bench.rng.choice([0, bench.rng.uniform(0, 0.5)]))
    bench.outcome.faults += len(processes) - 1
    if bench.rng.random() < 0.5 and processes[0].until(data.is_converting):
        processes[0].lives(bench.rng.uniform(0, CONVERTING_SECONDS))
        if processes[0].kill_all():
            bench.outcome.faults += 1
            bench.outcome.note("one of them killed")
            processes[0] = trainings[0].start(trainings[0].next_command())
    for training, process in zip(trainings, processes, strict=True):
        data.ends(training, process)
    waited = sum("waiting for process" in _said(process) for process in processes)
    bench.outcome.note("waited for another", waited)


def damaged(bench: Bench, how: Sequence[str]) -> None:
    """Damage the cache between two trainings. It is made anew, or reading it ends the run with a line."""
    data = Data(bench, how)
    data.ends(first := data.training("first"), first.start())
    for name, damage in DAMAGES.items():
        path = bench.rng.choice(data.files())
        path.write_bytes(damage(path.read_bytes(), bench.rng))
        bench.outcome.faults += 1
        bench.outcome.note(name)
        training = data.training(name.replace(" ", "-"))
        process = training.start()
        if name == A_BYTE:
            stopped_by(process, bench.outcome, [1], path.name, "is damaged", "delete the file")
            path.unlink()
            process = training.start(training.command)
        else:
            process.wait()
            bench.outcome.expect("it is made anew" in _said(process), f"{training.label}: no line about a {name} cache")
        data.ends(training, process)


def full_disk(bench: Bench, how: Sequence[str]) -> None:
    """Fill the disk while it converts, or limit the size of a file. One line says so, and nothing is left behind."""
    with small_disk(bench.place / "disk") as mounted:
        data = Data(bench, how, "disk/data" if mounted else "data")
        training = data.training("run")
        if mounted:
            filler = fill(bench.place / "disk", bench.rng.randrange(MOST_LEFT))
            process = training.start()
        else:
            bench.outcome.skipped = NOT_MOUNTED
            size = bench.rng.randrange(5_000, MOST_LEFT)
            process = training.start(before=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size)))
        bench.outcome.faults += 1
        code = process.wait()
        bench.outcome.note("stopped by it" if code else "had room enough to end")
        if code:
            line = stopped_by(process, bench.outcome, [1, 2])
            reasons = ("No space left on device", "File too large", "make room there")
            bench.outcome.expect(
                any(reason in line for reason in reasons), f"{training.label}: names no reason: {line}"
            )
            left = [path.name for path in data.below() if path.suffix != ".frames"]
            bench.outcome.expect(not left, f"{training.label}: a full disk left {left}")
        if mounted:
            filler.unlink()
        data.ends(training, process if not code else training.start(training.next_command()))


class Data:
    """The data root of a case, with the recordings and their caches.

    An undisturbed training shows the right frames and the right end.

    Args:
        bench: the case.
        how: overrides of the data set: streamed, or held in memory.
        root: the data root, relative to the case.
    """

    def __init__(self, bench: Bench, how: Sequence[str], root: str = "data") -> None:
        self.bench, self.root = bench, bench.place / root
        recordings.write(self.root)
        self.named = f"dataset.root={root}"
        self.given = (
            *(*SMALL, *CONVOLUTIONAL, "trainer.epochs=2", "monitor=off", *how, self.named),
            *(f"dataset._target_={recordings.__name__}.load", ALLOWED),
        )
        bench.training_of(*self.given)
        bench.outcome.runs -= 1  # The training to disturb was not started.
        self.frames = {path.name: path.read_bytes() for path in self.files()}
        bench.outcome.expect(len(self.frames) == 2, f"{self.root}: has the caches {sorted(self.frames)}")
        self.clear()

    def training(self, name: str) -> Training:
        """Return a training to disturb."""
        self.bench.outcome.runs += 1
        training = Training(self.bench, "twin", name, self.given)
        # A root that only a file names gets no cache.
        training.resume += [ALLOWED, self.named]
        return training

    def below(self) -> list[Path]:
        """Return everything in the folder of the caches."""
        return sorted((self.root / FOLDER).glob("*"))

    def files(self) -> list[Path]:
        """Return the complete caches."""
        return [path for path in self.below() if path.suffix == ".frames"]

    def half_written(self) -> list[Path]:
        """Return the caches that are being written, or that a dead process has left."""
        return [path for path in self.below() if path.suffix == ".tmp"]

    def is_converting(self) -> bool:
        """Return whether a cache is half written."""
        return bool(self.half_written())

    def clear(self) -> None:
        """Delete all caches, and what dead processes have left."""
        for path in self.below():
            path.unlink()

    def ends(self, training: Training, process: Process) -> None:
        """Wait for the end of a training, and compare it and the frames with the undisturbed ones."""
        if not training.ends(process):
            return
        found = {path.name: path.read_bytes() for path in self.below()}
        if {name: found.get(name) for name in self.frames} != self.frames:
            self.bench.outcome.different += 1
            self.bench.outcome.findings.append(f"DIFFERENT {training.label}: other frames in the cache")
        left = sorted(found.keys() - self.frames.keys())
        others = any(name.endswith(".lock") for name in left)  # Another training may still wait.
        self.bench.outcome.expect(not left or others, f"{training.label}: left {left} beside the caches")


def _said(process: Process) -> str:
    return process.out.read_text(errors="replace") + process.err.read_text(errors="replace")


def _with_a_byte(content: bytes, rng: random.Random) -> bytes:
    """Change a byte of the first sample of the training, which every training reads."""
    place = 4096 + rng.randrange(64)
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


A_BYTE = "a byte of a sample"
DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut anywhere": lambda content, rng: content[: rng.randrange(len(content))],
    "cut by a byte": lambda content, rng: content[:-1],
    "longer": lambda content, rng: content + bytes(rng.randrange(1, 5000)),
    "zeros": lambda content, rng: bytes(len(content)),
    "a text": lambda content, rng: b"a text of somebody else\n" * rng.randrange(1, 9000),
    "a bit of the head": lambda content, rng: bytes([content[0] ^ 1 << rng.randrange(8)]) + content[1:],
    A_BYTE: _with_a_byte,
}
