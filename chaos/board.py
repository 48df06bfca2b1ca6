"""TensorBoard's files cannot be written: training continues without them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from chaos.case import Case
from chaos.disk import small_disk
from chaos.process import Process
from chaos.training import PLAIN, SLOW, Bench, Training

SCENARIO = "TensorBoard's writer fails"


def cases(count: int) -> Iterator[Case]:
    """Yield `count` cases of each kind."""
    for _ in range(count):
        yield Case(SCENARIO, folder_is_a_file)
        yield Case(SCENARIO, folder_becomes_a_file)
        yield Case(SCENARIO, folder_is_full, twins=(SLOW,))


def folder_is_a_file(bench: Bench) -> None:
    """A file lies in the place of the folder of events."""
    training = bench.training(PLAIN)
    training.folder.mkdir()
    (training.folder / "tensorboard").write_text("in the way")
    bench.outcome.faults += 1
    _completes(training, training.start())


def folder_becomes_a_file(bench: Bench) -> None:
    """Replace the folder while the training runs, then kill the training and resume it."""
    training = bench.training(PLAIN)
    process = training.start()
    process.until(training.has_rows(2))
    # In one move: the training would write into a folder while it is emptied.
    (training.folder / "tensorboard").rename(training.folder / "taken away")
    (training.folder / "tensorboard").write_text("in the way")
    bench.outcome.faults += 1
    if process.lives(bench.rng.uniform(0, 0.4)):
        process.kill_all()
        bench.outcome.faults += 1
        process = training.start(training.resume)
    _completes(training, process)


def folder_is_full(bench: Bench) -> None:
    """Only the disk of the events is full: writing fails while the training runs."""
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
    """Expect the end of the undisturbed training, apart from its events, and a warning that they are missing."""
    outcome = training.bench.outcome
    if training.ends(process, events=False):
        said = process.out.read_text()
        outcome.expect("without TensorBoard" in said, f"{training.label}: no warning that events are missing")
        outcome.expect("Traceback" not in said, f"{training.label}: a traceback on the terminal")
