"""TensorBoard's files cannot be written: training does without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from chaos.case import Case
from chaos.disk import small_disk
from chaos.process import Process
from chaos.training import PLAIN, SLOW, Bench, Training

SCENARIO = "TensorBoard's writer fails"


def cases(count: int) -> Iterator[Case]:
    """So many of each kind."""
    for _ in range(count):
        yield Case(SCENARIO, folder_is_a_file)
        yield Case(SCENARIO, folder_becomes_a_file)
        yield Case(SCENARIO, folder_is_full, twins=(SLOW,))


def folder_is_a_file(bench: Bench) -> None:
    """Where the folder of the events should be lies a file."""
    training = bench.training(PLAIN)
    training.folder.mkdir()
    (training.folder / "tensorboard").write_text("in the way")
    bench.outcome.faults += 1
    _completes(training, training.start())


def folder_becomes_a_file(bench: Bench) -> None:
    """The folder is replaced while the training runs, which is killed and goes on."""
    training = bench.training(PLAIN)
    process = training.start()
    process.until(training.has_rows(2))
    # At once: while a folder is emptied, the training writes into it.
    (training.folder / "tensorboard").rename(training.folder / "taken away")
    (training.folder / "tensorboard").write_text("in the way")
    bench.outcome.faults += 1
    if process.lives(bench.rng.uniform(0, 0.4)):
        process.kill_all()
        bench.outcome.faults += 1
        process = training.start(training.resume)
    _completes(training, process)


def folder_is_full(bench: Bench) -> None:
    """The disk of the events alone is full: writing fails while the training runs."""
    training = bench.training(SLOW)
    training.folder.mkdir()
    with small_disk(training.folder / "tensorboard") as mounted:
        if not mounted:
            bench.outcome.skipped = "no small file system can be mounted here: the full one is left out"
            bench.outcome.runs -= 1
            return
        filler = training.folder / "tensorboard" / "filler"
        filler.write_bytes(b"\0" * (shutil.disk_usage(filler.parent).free - bench.rng.randrange(4096, 16384)))
        bench.outcome.faults += 1
        _completes(training, training.start())


def _completes(training: Training, process: Process) -> None:
    """The training ends as the undisturbed one but for its events, and has said what it did without."""
    outcome = training.bench.outcome
    if training.ends(process, events=False):
        said = process.out.read_text()
        outcome.expect("without TensorBoard" in said, f"{training.label}: no warning that events are missing")
        outcome.expect("Traceback" not in said, f"{training.label}: a traceback on the terminal")
