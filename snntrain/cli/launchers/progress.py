"""The progress of a run that another process trains, from the files in its folder."""

from __future__ import annotations

import json
from pathlib import Path

from snntrain.cli.launchers.durations import duration
from snntrain.config import saved
from snntrain.errors import UserError
from snntrain.runs.layout import CONFIG, METRICS

# The last lines of metrics.jsonl; a line has some hundred bytes, more for a deep network.
TAIL = 2**16


class Progress:
    """The epochs of a run, as far as its files show them."""

    def __init__(self) -> None:
        self.epochs: int | None = None
        self.epoch = 0
        self.accuracy: float | None = None
        # A resumed run has epochs of an earlier start, which say nothing about the time left.
        self._first: int | None = None
        self._size = 0
        self._changed = 0.0

    def look(self, folder: Path, now: float) -> None:
        """Read what is new in the folder."""
        if self.epochs is None and (folder / CONFIG).is_file():
            try:
                trainer = saved.read(folder / CONFIG).get("trainer")
            except UserError:
                trainer = None
            epochs = trainer.get("epochs") if isinstance(trainer, dict) else None
            self.epochs = epochs if type(epochs) is int else 0
        size, row = _last_row(folder / METRICS, self._size)
        if self._first is None and self.epochs is not None:
            self._first = _whole(row.get("epoch"))
        if size != self._size:
            self._size, self._changed = size, now
            self.epoch = _whole(row.get("epoch"))
            accuracy = row.get("val_accuracy")
            self.accuracy = accuracy if isinstance(accuracy, float) else None

    def words(self, now: float, since: float) -> str:
        """Return the progress in words: 'epoch 3/10 val_accuracy=0.912, 20 s left'.

        Args:
            now: the time.
            since: the time at which the job started.
        """
        if not self.epochs:
            return "starts"
        # An epoch is being trained after the last one that is written down.
        words = f"epoch {min(self.epoch + 1, self.epochs)}/{self.epochs}"
        if self.accuracy is not None:
            words += f" val_accuracy={self.accuracy:.3f}"
        done = self.epoch - (self._first or 0)
        if done > 0 and self.epoch < self.epochs:
            each = (self._changed - since) / done
            words += f", {duration(max(0.0, each * (self.epochs - self.epoch) - (now - self._changed)))} left"
        return words


def _last_row(file: Path, before: int) -> tuple[int, dict[str, object]]:
    """Return the size of metrics.jsonl, and its last line; no line if the size is `before`."""
    try:
        size = file.stat().st_size
        if size == before or file.is_symlink():
            return before, {}
        with file.open("rb") as lines:
            lines.seek(max(0, size - TAIL))
            row = json.loads(lines.read(TAIL).splitlines()[-1])
    except (OSError, ValueError, LookupError, RecursionError):
        return before, {}
    return size, row if isinstance(row, dict) else {}


def _whole(value: object) -> int:
    return value if type(value) is int else 0
