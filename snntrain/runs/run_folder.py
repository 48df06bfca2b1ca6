"""Writing the folder of a run: its settings, its environment, its metrics and its ending."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from snntrain.config.schema import Config
from snntrain.config.values import as_yaml
from snntrain.errors import RunFailed, UserError
from snntrain.files import whole
from snntrain.files.folder import Folder, Unsafe
from snntrain.files.paths import short
from snntrain.runs import summary as summaries
from snntrain.runs.environment import earlier_starts, environment
from snntrain.runs.layout import CHECKPOINTS_FOLDER, CONFIG, ENVIRONMENT, METRICS, SUMMARY, TENSORBOARD_FOLDER
from snntrain.runs.lock import Lock
from snntrain.runs.resume_command import resume_command
from snntrain.runs.state import COMPLETED, FAILED, INTERRUPTED, RUNNING
from snntrain.runs.summary import FIGURES
from snntrain.runs.writable import check_run
from snntrain.signals import machine

NO_FIGURES: Mapping[str, Any] = {}
# A thousand years: no run takes longer.
MOST_SECONDS = 1e11


class RunFolder:
    """The writer of a run's files; as a context manager it records the ending of the run in summary.json.

    `snntrain.runs.layout` lists the files.

    Args:
        path: the folder.
        name: the run's name.
        allowed: the prefixes of `allow_targets`.
        config: the configuration. On entry it is written first, if the folder has no configuration yet: from then on
            the run can be resumed.

    Raises:
        UserError: on entry, if another process trains in this folder, if the folder cannot be written, or if a link has
            the name of a file.
        RunFailed: from every method that writes, if the disk is full or the folder is gone.
    """

    def __init__(self, path: Path, name: str, allowed: Sequence[str] = (), config: Config | None = None) -> None:
        self.path = path
        self.folder = Folder(path)
        self.checkpoints = self.folder / CHECKPOINTS_FOLDER
        self.tensorboard = self.folder / TENSORBOARD_FOLDER
        self.allowed = allowed
        self.config = config
        self.summary: dict[str, Any] = {"status": RUNNING, "error": None, "name": name}
        self.summary |= dict.fromkeys(FIGURES)
        # The status of a run that ends without an error.
        self.ending = COMPLETED
        self._earlier: dict[str, Any] = {}
        self._opened = time.monotonic()

    def __enter__(self) -> RunFolder:
        self.path.mkdir(parents=True, exist_ok=True)
        check_run(self.folder)
        with ExitStack() as stack:
            stack.enter_context(Lock(self.path))
            with self.writing():
                self.checkpoints.make()
            if self.config is not None and not self.folder.holds(CONFIG):
                self.write_config(self.config)
            self._earlier = summaries.read(self.path).known
            try:
                self.write_summary()
                self._lock = stack.pop_all()
            except KeyboardInterrupt:
                # `__exit__` will not be called.
                self.summary["status"] = INTERRUPTED
                self.write_summary()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._earlier and self.summary["epochs"] is None:
            # Nothing was trained in this start: the earlier figures still hold.
            self.summary |= {key: value for key, value in self._earlier.items() if key in FIGURES}
        if error is None:
            self.summary["status"] = self.ending
        elif machine.behind(error) is not None:
            self.summary["status"] = INTERRUPTED
        elif isinstance(error, UserError) and self._earlier:
            self.summary |= {key: self._earlier.get(key) for key in ("status", "error")}
        else:
            self.summary |= {"status": FAILED, "error": in_one_line(error)}
        with self._lock:
            try:
                self.write_summary()
            except RunFailed:
                # The run's own error matters more. The stopped heartbeat shows that the run is over.
                if error is None:
                    raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn an error of writing in the block into one that explains its effect on the run.

        Raises:
            RunFailed: instead of OSError.
        """
        try:
            yield
        except OSError as error:
            where = error.filename if isinstance(error, Unsafe) else self.path
            gone = "" if self.path.is_dir() else "the folder is gone; "
            raise RunFailed(
                f"{where} cannot be written ({gone}{error.strerror or error}); saved files are whole: "
                f"fix that, then resume with: {resume_command(short(self.path), self.allowed)}"
            ) from error

    def write_summary(self, figures: Mapping[str, Any] = NO_FIGURES) -> None:
        """Write summary.json. Its `wall_seconds` is the time during which the run was open, over all of its starts.

        Only one thread may call this at a time.

        Args:
            figures: new values, which are kept for later calls.
        """
        self.summary |= figures
        before, now = _seconds(self._earlier.get("wall_seconds")), time.monotonic() - self._opened
        self.summary["wall_seconds"] = round(before + now, 3)
        with self.writing():
            self._write_json(SUMMARY, self.summary)

    def write_config(self, config: Config) -> None:
        """Write config.yaml."""
        with self.writing():
            whole.write(self.folder, CONFIG, as_yaml(config))

    def write_environment(self, hardware: Mapping[str, Any], command: Sequence[str]) -> None:
        """Write environment.json, which keeps the environments of earlier starts.

        Args:
            hardware: the device and the settings of PyTorch, by key.
            command: the command that the user typed.
        """
        before = earlier_starts(self.path / ENVIRONMENT)
        with self.writing():
            self._write_json(ENVIRONMENT, environment(hardware, command) | {"earlier": before})

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
        """Return the size of metrics.jsonl in bytes."""
        return self.folder.size(METRICS)

    def cut_back(self, size: int) -> None:
        """Delete the lines of metrics.jsonl after this size."""
        if self.folder.holds(METRICS):
            self.folder.cut_back(METRICS, size)

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        whole.write(self.folder, name, json.dumps(content, indent=2) + "\n")


def _seconds(value: Any) -> float:
    """Return the value if it can be a time, else 0."""
    return value if type(value) in (int, float) and 0 <= value < MOST_SECONDS else 0.0


def in_one_line(error: BaseException) -> str:
    """Return the first line of an error; for an error of another library also its class."""
    line = str(error).strip().partition("\n")[0]
    if line and isinstance(error, UserError | RunFailed):
        return line
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
