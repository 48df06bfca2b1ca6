"""The folder of a run: what it was asked, where it ran, how it went."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from snntrain.config.schema import Config
from snntrain.config.values import as_yaml
from snntrain.errors import RunFailed, UserError
from snntrain.files import plain_yaml
from snntrain.files.folder import Folder, Unsafe
from snntrain.files.paths import as_typed
from snntrain.process import program
from snntrain.runs.environment import earlier_starts, environment
from snntrain.runs.lock import Lock
from snntrain.runs.names import FIRST, GROWING, OF_HYDRA, check_run
from snntrain.runs.summary import typed
from snntrain.signals import machine

# What summary.json says besides status, error and name; null until it is known.
FIGURES = (
    *("test_accuracy", "test_accuracy_last", "test_ties", "test_ties_last", "val_accuracy", "best_epoch", "epochs"),
    *("train_seconds", "wall_seconds", "images_per_second", "parameters", "device", "device_name", "precision", "cost"),
)
METRICS = "metrics.jsonl"
NO_FIGURES: Mapping[str, Any] = {}
# Where it is written down what was asked of Hydra.
HYDRA_FOLDER = ".hydra"
# A thousand years: more is no time that anybody has waited.
MOST_SECONDS = 1e11


class RunFolder:
    """Writes a run's files; as a context manager it records in summary.json how the run ended.

    summary.json         status (running, completed, failed, interrupted), error, figures
    config.yaml          the resolved configuration
    environment.json     versions, device, git commit, command line; of each start
    metrics.jsonl        a line an epoch
    checkpoints/         last.pt, previous.pt and best.pt
    tensorboard/         events
    test.json            what the best and the last weights came to on the test images
    train.log            what the terminal was told, written by logging
    run.lock             who trains in this folder, and when that one was last seen alive

    Args:
        path: the folder.
        name: of the run.
        allowed: what `allow_targets` gives.
        config: written at the entry into a folder that has none, before anything else: what there is of a run can be
            gone on with from then on.

    Raises:
        UserError: at the entry, another process trains in this folder, nothing can be written there, or a link is in
            the place of a file.
        RunFailed: of every method that writes, the disk is full or the folder is gone.
    """

    def __init__(self, path: Path, name: str, allowed: Sequence[str] = (), config: Config | None = None) -> None:
        self.path = path
        self.folder = Folder(path)
        self.checkpoints = self.folder / "checkpoints"
        self.tensorboard = self.folder / "tensorboard"
        self.allowed = allowed
        self.config = config
        self.summary: dict[str, Any] = {"status": "running", "error": None, "name": name}
        self.summary |= dict.fromkeys(FIGURES)
        self._earlier: dict[str, Any] = {}
        self._opened = time.monotonic()

    def __enter__(self) -> RunFolder:
        self.path.mkdir(parents=True, exist_ok=True)
        check_run(self.folder)
        with ExitStack() as stack:
            stack.enter_context(Lock(self.path))
            with self.writing():
                self.checkpoints.make()
            if self.config is not None and not self.folder.holds("config.yaml"):
                self.write_config(self.config)
            self._earlier = read_summary(self.path)
            try:
                self.write_summary()
                self._lock = stack.pop_all()
            except KeyboardInterrupt:
                # `__exit__` will not be called.
                self.summary["status"] = "interrupted"
                self.write_summary()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._earlier and self.summary["epochs"] is None:
            # It was not gone on with, and has come to what it had.
            self.summary |= {key: value for key, value in self._earlier.items() if key in FIGURES}
        if error is None:
            self.summary["status"] = "completed"
        elif machine.behind(error) is not None:
            self.summary["status"] = "interrupted"
        elif isinstance(error, UserError) and self._earlier:
            self.summary |= {key: self._earlier.get(key) for key in ("status", "error")}
        else:
            self.summary |= {"status": "failed", "error": in_one_line(error)}
        with self._lock:
            try:
                self.write_summary()
            except RunFailed:
                # What ended the run says more; that it is over is told by its heartbeat, which has stopped.
                if error is None:
                    raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Says of a file that cannot be written in the block what that means for the run.

        Raises:
            RunFailed: instead of OSError.
        """
        try:
            yield
        except OSError as error:
            where = error.filename if isinstance(error, Unsafe) else self.path
            gone = "" if self.path.is_dir() else "the folder is gone; "
            raise RunFailed(
                f"{where} cannot be written ({gone}{error.strerror or error}); what was saved is whole: "
                f"once that is mended, go on with: {resume_command(self.path, self.allowed)}"
            ) from error

    def write_summary(self, figures: Mapping[str, Any] = NO_FIGURES) -> None:
        """Write summary.json, which gives as `wall_seconds` how long the run has been open, over all of its starts.

        One thread at a time may do so.

        Args:
            figures: what it says besides from now on.
        """
        self.summary |= figures
        before, now = _seconds(self._earlier.get("wall_seconds")), time.monotonic() - self._opened
        self.summary["wall_seconds"] = round(before + now, 3)
        with self.writing():
            self._write_json("summary.json", self.summary)

    def write_config(self, config: Config) -> None:
        with self.writing():
            self.folder.write_whole("config.yaml", as_yaml(config))

    def write_environment(self, device: str, device_name: str, command: Sequence[str]) -> None:
        """Write environment.json, which keeps the entries of earlier starts; `command` is what was typed."""
        before = earlier_starts(self.path / "environment.json")
        with self.writing():
            self._write_json("environment.json", environment(device, device_name, command) | {"earlier": before})

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add an epoch's line to metrics.jsonl; `sync_metrics` waits until it is on the disk."""
        with self.writing(), self.folder.append(METRICS) as file:
            file.write(json.dumps(row).encode() + b"\n")

    def sync_metrics(self) -> None:
        """Wait until the lines of metrics.jsonl are on the disk.

        Raises:
            OSError: they cannot be written, or the file is gone.
        """
        if self.folder.holds(METRICS):
            with self.folder.append(METRICS) as file:
                os.fsync(file.fileno())

    def size(self) -> int:
        """The bytes of metrics.jsonl."""
        return self.folder.size(METRICS)

    def cut_back(self, size: int) -> None:
        """Takes back the lines of metrics.jsonl that were written after it had this size."""
        if self.folder.holds(METRICS):
            self.folder.cut_back(METRICS, size)

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        self.folder.write_whole(name, json.dumps(content, indent=2) + "\n")


def resume_command(path: Path, allowed: Sequence[str] = ()) -> str:
    """What to type to go on with the run in a folder, whose classes lie below the prefixes `allowed`, too."""
    words = [f"resume={shown(path)}", *([f"allow_targets=[{','.join(allowed)}]"] if allowed else [])]
    return shlex.join([*program.words(), *words])


def shown(path: Path) -> str:
    """The folder as one would type it: relative where it lies below the current one."""
    relative = os.path.relpath(path)
    return as_typed(path if relative.startswith("..") else Path(relative))


def read_summary(path: Path) -> dict[str, Any]:
    """What summary.json in a folder says, as far as it has the type that a run writes; nothing of what is null."""
    try:
        content = json.loads(plain_yaml.text(path / "summary.json"))
    except (OSError, ValueError, RecursionError):
        return {}
    return typed(content, FIGURES) if isinstance(content, dict) else {}


def _seconds(value: Any) -> float:
    """The value where it can be a time, else 0."""
    return value if type(value) in (int, float) and 0 <= value < MOST_SECONDS else 0.0


def in_one_line(error: BaseException) -> str:
    """What went wrong, by the class of the error too where it is none of our own."""
    line = str(error).strip().partition("\n")[0]
    if line and isinstance(error, UserError | RunFailed):
        return line
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def holds_a_run(path: Path) -> bool:
    """Whether another run has written into this folder."""
    folder = Folder(path)
    return folder.holds("summary.json") or folder.holds("checkpoints")


def discard(path: Path) -> None:
    """Takes back the files of a run in which nothing was trained, and the folders left empty by it."""
    folder = Folder(path)
    # What cannot be looked at, or is a link, is left as it is.
    with contextlib.suppress(OSError):
        if folder.holds(METRICS) or folder.holds("tensorboard"):
            return
        for part, names in ((folder / ".hydra", OF_HYDRA), (folder, (*GROWING, *FIRST))):
            for name in names:
                if part.kind(name) == stat.S_IFREG:
                    part.remove(name)
        for name in (".hydra", "checkpoints"):
            folder.remove_if_empty(name)
        for empty in (path, *path.parents[:2]):
            if not empty.is_dir() or any(empty.iterdir()) or empty == Path.cwd():
                return
            empty.rmdir()
