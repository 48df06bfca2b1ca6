"""The status of a run from its files: completed, paused, failed, interrupted, running, killed or damaged."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from snntrain.errors import printable
from snntrain.runs.layout import SIGNS_OF_LIFE
from snntrain.runs.lock import STALE_SECONDS, may_be_taken
from snntrain.runs.summary import MISSING, Summary

COMPLETED = "completed"
# Ended as `trainer.pause_after` asks, to be resumed.
PAUSED = "paused"
RUNNING = "running"
FAILED = "failed"
INTERRUPTED = "interrupted"
DAMAGED = "damaged"
# A killed run cannot record its ending.
KILLED = "killed"
KILLED_NOTE = "killed: was running, and has shown no sign of life for two minutes"
NO_ERROR = "ended without an error message"


def state(folder: Path, summary: Summary, now: float, *, over: bool = False) -> tuple[str, str | None]:
    """Return the status of a run, and its error or the damage of its files in one line.

    Args:
        folder: the run folder.
        summary: its summary.
        now: the time in seconds. A run that has written nothing for `STALE_SECONDS` is not running.
        over: whether the caller has ended the run; it then runs only if another process has taken it over.
    """
    lives = _lives(folder, now) and (not over or may_be_taken(folder))
    if summary.damage == MISSING:
        # The folder of a job exists some seconds before its summary.
        return (RUNNING, None) if lives else (FAILED, MISSING)
    if summary.damage is not None:
        return DAMAGED, summary.damage
    status, error = printable(summary.content["status"]), summary.content.get("error")
    if status == RUNNING and not lives and over:
        status = FAILED
    if status == RUNNING and not lives:
        last = datetime.fromtimestamp(last_written(folder))
        return KILLED, f"no sign of life since {last:%Y-%m-%d %H:%M}"
    if status == FAILED:
        return status, printable(str(error or NO_ERROR))
    return status, printable(str(error)) if error else None


def last_written(folder: Path) -> float:
    """Return the time of the run's last sign of life, in seconds; 0 if there was none."""
    times = [0.0]
    for name in SIGNS_OF_LIFE:
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:
            continue
    return max(times)


def _lives(folder: Path, now: float) -> bool:
    # A time in the future counts as now: the clock was set back, or another machine's clock is ahead.
    return now - last_written(folder) < STALE_SECONDS
