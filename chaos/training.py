"""Small trainings to disturb, and their undisturbed twins."""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chaos import compare
from chaos.outcome import Outcome
from chaos.process import Process, Stuck, start

# A network of 4,576 weights that learns; a checkpoint about every fifth of a second on any machine.
SMALL = (
    *("trainer.device=cpu", "trainer.precision=fp32", "trainer.epochs=6", "trainer.checkpoint_minutes=0.002"),
    *("loss=ce_rate", "optimizer.lr=0.01", "neuron.v_threshold=0.3", "network.hidden=[32]"),
)
CONVOLUTIONAL = ("network.channels=[4,8]",)
BY_A_WORKER = ("dataset.resident=never", "dataset.workers=1", "monitor=off", "trainer.batch_size=128")
# Together they have every state that a run keeps between two steps.
CONFIGS: dict[str, tuple[str, ...]] = {
    "dropout-poisson": (*CONVOLUTIONAL, "network.dropout=0.3", "encoder=poisson", "monitor=off"),
    "pictures": (*CONVOLUTIONAL, "trainer.epochs=3", "monitor.samples=2"),
    "augmented-ema": (
        *(*CONVOLUTIONAL, "dataset.augment.degrees=10", "dataset.augment.crop_padding=1", "trainer.ema=0.9"),
        *("monitor.every=100", "monitor.samples=1", "monitor.layers=[out_neuron]"),
    ),
    "accumulate-onecycle": (*CONVOLUTIONAL, "trainer.accumulate=2", "scheduler=onecycle", "monitor=off"),
    "sgd-early-stopping": (
        *(*CONVOLUTIONAL, "optimizer=sgd", "optimizer.lr=0.5", "optimizer.momentum=0.9", "optimizer.nesterov=true"),
        *("trainer.early_stopping=1", "trainer.epochs=12", "monitor=off"),
    ),
    "mlp-rif-bf16": (
        *("network=mlp", "neuron=rif", "optimizer=adamw", "trainer.clip_grad_norm=1", "trainer.precision=bf16"),
        "monitor=off",
    ),
    "streamed": (*CONVOLUTIONAL, *BY_A_WORKER, "dataset.augment.degrees=5"),
}
PLAIN = "accumulate-onecycle"
SLOW = "dropout-poisson"
STREAMED = "streamed"


class Bench:
    """The folder, random numbers and outcome of a case."""

    def __init__(self, place: Path, references: Path, rng: random.Random, outcome: Outcome) -> None:
        self.place, self.references, self.rng, self.outcome = place, references, rng, outcome
        place.mkdir(parents=True)

    def training(self, config: str, name: str = "run", given: Sequence[str] | None = None) -> Training:
        """Return a training to disturb, in its own folder; arguments as for `Training`."""
        self.outcome.runs += 1
        return Training(self, config, name, given)

    def training_of(self, *given: str, **how: Any) -> Training:
        """Run the undisturbed twin of a training with these overrides, and return the training to disturb.

        Args:
            given: the overrides.
            how: options of `start` for the twin.
        """
        self.references = self.place / "references"
        twin = start([*given, "hydra.run.dir=references/twin"], self.place, **how)
        if code := twin.wait():
            raise AssertionError(f"the undisturbed training ended with {code}: {twin.said()}")
        return self.training("twin", given=given)


class Training:
    """A run in the folder `name` below the bench's.

    Args:
        config: the name of its undisturbed twin.
        given: its overrides; None for those of CONFIGS.
    """

    def __init__(self, bench: Bench, config: str, name: str, given: Sequence[str] | None = None) -> None:
        self.bench, self.config, self.name = bench, config, name
        self.folder = bench.place / name
        self.command = [*(command(config) if given is None else given), f"hydra.run.dir={name}"]
        self.resume = [f"resume={name}"]
        self._stale: tuple[int, int] | None = None

    def start(self, argv: Sequence[str] | None = None, **how: Any) -> Process:
        """Start it, or resume it with the arguments `argv`."""
        self._stale = self._half_written()
        return start(argv or self.command, self.bench.place, **how)

    def next_command(self) -> list[str]:
        """Return the arguments of a user who continues: resume, or the same command if no run was written yet."""
        begun = (self.folder / "config.yaml").exists() and (self.folder / "summary.json").exists()
        return self.bench.rng.choice([self.resume, self.command]) if begun else self.command

    def finish(self, argv: Sequence[str] | None = None, **how: Any) -> Process | None:
        """Complete it and compare it with the undisturbed one; return None if it was lost."""
        process = self.start(argv or self.next_command(), **how)
        return process if self.ends(process) else None

    def ends(self, process: Process, *, events: bool = True) -> bool:
        """Wait for the end of its process and compare the completed training.

        Args:
            process: that trains.
            events: whether TensorBoard's files must also be the same.

        Returns:
            Whether it was not lost.
        """
        try:
            code = process.wait()
        except Stuck as stuck:
            self.lose(str(stuck))
            return False
        if code != 0:
            self.lose(f"status {code}: {' / '.join(process.said()[-3:])}")
            return False
        traceback = "Traceback" in process.err.read_text()
        self.bench.outcome.expect(not traceback, f"{self.label}: a traceback though it completed")
        self.compare(events=events)
        return True

    def lose(self, why: str) -> None:
        """Count this training as lost."""
        self.bench.outcome.lost += 1
        self.bench.outcome.findings.append(f"LOST {self.label}: {why}")

    def compare(self, *, events: bool = True) -> None:
        """Count a difference from the undisturbed one; `events` as for `compare.differences`."""
        try:
            found = compare.differences(self.folder, self.twin, events=events)
        except Exception as error:
            found = [f"cannot be read: {type(error).__name__}: {error}"]
        if found:
            self.bench.outcome.different += 1
            more = f" (and {len(found) - 4} more)" if len(found) > 4 else ""
            self.bench.outcome.findings.append(f"DIFFERENT {self.label}: {'; '.join(found[:4])}{more}")

    @property
    def twin(self) -> Path:
        """Return the folder of the undisturbed twin."""
        return self.bench.references / self.config

    @property
    def label(self) -> str:
        """Return its name in findings."""
        return f"[{self.config}] {self.folder}"

    # ---- seen from outside

    def rows(self) -> int:
        """Return the number of epochs in metrics.jsonl."""
        try:
            return (self.folder / "metrics.jsonl").read_bytes().count(b"\n")
        except OSError:
            return 0

    def has_rows(self, count: int) -> Callable[[], bool]:
        """Return a condition for `Process.until`: so many epochs are done."""
        return lambda: self.rows() >= count

    def is_writing(self) -> bool:
        """Return whether a checkpoint is being written, or was when the last process died."""
        found = self._half_written()
        return found is not None and found != self._stale

    def _half_written(self) -> tuple[int, int] | None:
        """Return the identity of the temporary file of a checkpoint."""
        try:
            status = (self.folder / "checkpoints" / "last.pt.tmp").stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def began(self, process: Process) -> bool:
        """Return whether the process has written its summary."""
        try:
            return (self.folder / "summary.json").stat().st_mtime >= process.born
        except OSError:
            return False

    def is_writing_a_small_file(self) -> bool:
        """Return whether a small file such as config.yaml or summary.json is half written."""
        try:
            return any(self.folder.glob("*.tmp")) or (self.folder / "config.yaml").stat().st_size == 0
        except OSError:
            return False

    def has_checkpoint(self) -> bool:
        return (self.folder / "checkpoints" / "last.pt").exists()


def command(config: str) -> list[str]:
    """Return the overrides of a configuration; a later one wins."""
    given = {part.partition("=")[0]: part for part in (*SMALL, *CONFIGS[config])}
    return list(given.values())


def stopped_by(process: Process, outcome: Outcome, codes: Sequence[int], *words: str) -> str:
    """Return the line in which a process says why it ended; count broken promises.

    Args:
        process: the process that ends.
        outcome: counts what is not as promised.
        codes: the exit statuses allowed.
        words: the words required in the line.
    """
    code, said = process.wait(), process.said()
    line = next((line for line in reversed(said) if line.startswith("snntrain: ")), "")
    seen = f"status {code}, said: {' / '.join(said[-3:]) or 'nothing'}"
    outcome.expect(code in codes, f"status should be one of {list(codes)}: {seen}")
    outcome.expect(not any(text.startswith("Traceback") for text in said), f"a traceback: {seen}")
    missing = [word for word in words if word not in line]
    outcome.expect(not missing, f"the line lacks {missing}: {seen}")
    return line


def advised(line: str) -> list[str]:
    """Return the arguments of the command to resume with in a line: `… snntrain resume=…`."""
    _, found, rest = line.rpartition("snntrain resume=")
    return shlex.split(f"resume={rest}") if found else []
