"""Checkpoints that are damaged between the stop of a training and its resume."""

from __future__ import annotations

import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from chaos.case import Case
from chaos.training import PLAIN, Bench, Training, stopped_by

SCENARIO = "damaged checkpoint"
FLIPS_A_CASE = 20
# The configuration of another network.
OTHER = "mlp-rif-bf16"
NAMES = ("last.pt", "previous.pt", "best.pt")
RESUMABLE = NAMES[:2]


class Executes:
    """An object with a pickle that runs a command when it is loaded unsafely."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.trace}'",)


def cases(flips: int) -> Iterator[Case]:
    """Yield cases with `flips` flipped bits in all, and each other damage once per file and for several files."""
    for first in range(0, flips, FLIPS_A_CASE):
        yield Case(SCENARIO, partial(flipped, count=min(FLIPS_A_CASE, flips - first)))
    if flips >= FLIPS_A_CASE:
        for hurt in (("last.pt",), ("previous.pt",), ("best.pt",), ("last.pt", "best.pt")):
            yield Case(SCENARIO, partial(damaged, names=hurt), twins=(PLAIN, OTHER))
        yield Case(SCENARIO, in_the_way)
    for names in (NAMES, RESUMABLE):
        yield Case(SCENARIO, partial(none_intact, names=names))


def stopped(bench: Bench) -> Training:
    """Start a training and kill it when it has all three checkpoints."""
    training = Training(bench, PLAIN, "stopped")
    process = training.start()
    folder = training.folder / "checkpoints"
    process.until(training.has_rows(bench.rng.randrange(2, 5)))
    process.until(lambda: all((folder / name).exists() for name in NAMES))
    process.until(training.is_writing, 0.5, 0.0002)
    if not process.kill_all():
        raise AssertionError(f"the training to be damaged was not stopped in time: {process.said()}")
    return training


def copy_of(bench: Bench, original: Training, name: str) -> Training:
    """Copy the stopped training, to damage the copy."""
    training = bench.training(original.config, name)
    shutil.copytree(original.folder, training.folder)
    return training


def flipped(bench: Bench, count: int) -> None:
    """Flip one bit of one file, each time at another place."""
    original = stopped(bench)
    for index in range(count):
        training = copy_of(bench, original, f"flip-{index}")
        path = training.folder / "checkpoints" / bench.rng.choices(NAMES, (60, 15, 25))[0]
        content = bytearray(path.read_bytes())
        content[bench.rng.randrange(len(content))] ^= 1 << bench.rng.randrange(8)
        path.write_bytes(content)
        bench.outcome.faults += 1
        bench.outcome.note(f"a bit of {path.name}")
        process = training.finish(training.resume)
        if process is not None and path.name == "last.pt":
            said = process.out.read_text() + process.err.read_text()
            bench.outcome.expect(path.name in said, f"{path}: no warning about a flipped bit")


def damaged(bench: Bench, names: tuple[str, ...]) -> None:
    """Damage these files in each way. The next intact one is used, and the end is the same."""
    original, trace = stopped(bench), bench.place / "executed"
    for index, (kind, damage) in enumerate(kinds(bench, trace).items()):
        training = copy_of(bench, original, f"damaged-{index}")
        for name in names:
            damage(training.folder / "checkpoints" / name)
            bench.outcome.faults += 1
        bench.outcome.note(kind)
        training.finish(training.resume)
    bench.outcome.expect(not trace.exists(), "a pickle in a checkpoint was executed")


def kinds(bench: Bench, trace: Path) -> dict[str, Callable[[Path], None]]:
    """Return the ways to damage a file, by name."""
    rng = bench.rng
    other = bench.references / OTHER / "checkpoints" / "last.pt"
    contents: dict[str, Callable[[bytes], bytes]] = {
        "cut by a byte": lambda content: content[:-1],
        "cut in half": lambda content: content[: len(content) // 2],
        "cut to 100 bytes": lambda content: content[:100],
        "cut anywhere": lambda content: content[: rng.randrange(len(content))],
        "empty": lambda content: b"",
        "longer": lambda content: content + b"\0" * 100,
        "zeros": lambda content: b"\0" * len(content),
        "random bytes": lambda content: rng.randbytes(len(content)),
        "a picture": lambda content: b"\x89PNG\r\n\x1a\n" + rng.randbytes(1000),
        "another network's": lambda content: other.read_bytes(),
        "a pickle that executes": lambda content: pickle.dumps(Executes(trace)),
    }
    ways = {kind: partial(_rewrite, become=become) for kind, become in contents.items()}
    return ways | {
        "missing": Path.unlink,
        "a zip that executes": partial(torch.save, {"format": Executes(trace)}),
        "a zip of something else": _zip_a_word,
    }


def _rewrite(path: Path, become: Callable[[bytes], bytes]) -> None:
    path.write_bytes(become(path.read_bytes()))


def _zip_a_word(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("hello", "world")


def in_the_way(bench: Bench) -> None:
    """Put a folder in the place of a checkpoint. A line says so, and the training resumes once it is gone."""
    original = stopped(bench)
    for name in NAMES:
        training = copy_of(bench, original, f"folder-{name}")
        path = training.folder / "checkpoints" / name
        path.unlink()
        path.mkdir()
        bench.outcome.faults += 1
        bench.outcome.note("a folder")
        stopped_by(training.start(training.resume), bench.outcome, [2], path.name, "is a folder")
        path.rmdir()
        training.finish()


def none_intact(bench: Bench, names: tuple[str, ...]) -> None:
    """Leave no checkpoint to resume from. The resume is refused, and the advice in the message works."""
    original = stopped(bench)
    for index, kind in enumerate(("empty", "cut in half", "random bytes")):
        training = copy_of(bench, original, f"all-{index}")
        for name in names:
            kinds(bench, bench.place / "executed")[kind](training.folder / "checkpoints" / name)
            bench.outcome.faults += 1
        bench.outcome.note(f"of {' and '.join(names)}")
        for argv in (training.resume, training.command):
            stopped_by(training.start(argv), bench.outcome, [2], "checkpoints")
        # As the message says: a run without checkpoints starts again.
        shutil.rmtree(training.folder / "checkpoints")
        training.finish()
