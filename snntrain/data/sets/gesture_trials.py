"""The trials of DVS128 Gesture in the original layout: lists of recordings, and files with the time of each gesture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from snntrain.data.events.events import BadRecording
from snntrain.errors import UserError
from snntrain.files import bounded
from snntrain.files.paths import shown

# A label file has a dozen lines, a list of recordings a hundred.
MOST_TEXT = 2**20
NAME = re.compile(r"user\d{2}_[a-z_]+\.aedat", re.ASCII)
HEAD = "class,startTime_usec,endTime_usec"


@dataclass(frozen=True)
class Trial:
    """A gesture in a recording.

    Args:
        path: the recording.
        labels: its label file.
        label: the gesture, from 0 on.
        start, stop: the time of its events in microseconds, `start` included and `stop` excluded.
    """

    path: Path
    labels: Path
    label: int
    start: int
    stop: int


def listed_trials(folder: Path, listing: str, classes: int) -> list[Trial]:
    """Return the trials of the recordings that a file lists: each line of their label files is one.

    Args:
        folder: the folder with the recordings and the lists.
        listing: name of the list.
        classes: number of gestures.

    Raises:
        UserError: a file is missing or damaged.
    """
    names = [line.strip() for line in _text(folder / listing).splitlines() if line.strip()]
    for name in names:
        if not NAME.fullmatch(name):
            raise BadRecording(
                folder / listing, f"it lists {name!r}, not a recording such as user07_led.aedat; correct it"
            )
    if absent := [name for name in names if not (folder / name).is_file()]:
        raise UserError(
            f"{shown(folder / listing)}: {len(absent)} of the {len(names)} recordings that it lists are missing, as "
            f"{absent[0]}; put them there, or take their lines out"
        )
    return [trial for name in names for trial in _trials(folder / name, classes)]


def _trials(path: Path, classes: int) -> list[Trial]:
    """Return the trials of a recording in the order of time.

    In user22_led_labels.csv gesture 9 ends after gesture 10 has begun. A trial ends at the latest where the next one
    begins, so that no event belongs to two gestures.
    """
    labels = path.with_name(f"{path.stem}_labels.csv")
    trials = sorted(_lines(path, labels, classes), key=lambda trial: trial.start)
    ends = [min(trial.stop, following.start) for trial, following in pairwise(trials)]
    cut = [replace(trial, stop=end) for trial, end in zip(trials, ends, strict=False)] + trials[-1:]
    for trial in cut:
        if trial.start >= trial.stop:
            raise BadRecording(labels, f"a gesture begins at {trial.start:,} µs and ends at {trial.stop:,}; correct it")
    return cut


def _lines(path: Path, labels: Path, classes: int) -> Iterator[Trial]:
    lines = _text(labels).splitlines()
    if not lines or lines[0].strip() != HEAD:
        raise BadRecording(labels, f"its first line must be {HEAD}; get the file again")
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != 3 or not all(field.isascii() and field.isdecimal() and len(field) < 19 for field in fields):
            raise BadRecording(labels, f"line {number} must have three numbers, as {HEAD}; get the file again")
        gesture, start, stop = map(int, fields)
        if not 1 <= gesture <= classes:
            raise BadRecording(
                labels, f"line {number} has gesture {gesture}, which must be 1 to {classes}; get the file again"
            )
        yield Trial(path, labels, gesture - 1, start, stop)


def _text(file: Path) -> str:
    try:
        return bounded.text(file, MOST_TEXT)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{shown(file)}: cannot be read ({reason}); put a good copy there") from error
