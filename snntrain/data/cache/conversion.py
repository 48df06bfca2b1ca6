"""Reads the recordings of a split in worker processes, and writes their samples into a cache."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from snntrain.data.cache.identity import Identity
from snntrain.data.cache.recording import Recording
from snntrain.data.cache.writer import Writer, writing
from snntrain.data.processes import Processes
from snntrain.errors import UserError, first_line
from snntrain.files.folder import Folder
from snntrain.files.paths import shown
from snntrain.process import signs_of_life

# A task is so many recordings, or fewer if their samples are large.
MOST_PER_TASK = 16
BYTES_PER_TASK = 4 * 2**20
# The free space is checked once so many samples are known.
ENOUGH_TO_ESTIMATE = 16
REMEDY = "free memory, and give the command again"
GB = 1e9

Skip = Callable[[Exception], bool]


class Sample(NamedTuple):
    """The sample of a recording, or the reason why it is left out."""

    row: int
    label: int
    frames: NDArray[np.uint8] | None
    reason: str = ""


class Done(NamedTuple):
    """The samples of a task, as a worker sends them: a short message, and the bytes of all frames in shared memory.

    If a worker dies in the middle of a long message, the process that reads it waits for the rest for ever.

    Args:
        samples: row and label of each sample, type and shape of its frames, and the reason if it is left out.
        content: the bytes of the frames, one after the other, uint8.
    """

    samples: list[tuple[int, int, str, tuple[int, ...] | None, str]]
    content: Tensor

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Done:
        """Pack samples."""
        heads: list[tuple[int, int, str, tuple[int, ...] | None, str]] = []
        parts = [np.empty(0, np.uint8)]
        for row, label, frames, reason in samples:
            if frames is None:
                heads.append((row, label, "", None, reason))
            else:
                heads.append((row, label, frames.dtype.str, frames.shape, reason))
                parts.append(np.ascontiguousarray(frames).reshape(-1).view(np.uint8))
        return cls(heads, torch.from_numpy(np.concatenate(parts)))

    def unpacked(self) -> Iterator[Sample]:
        """Yield the samples."""
        content, place = self.content.numpy(), 0
        for row, label, dtype, shape, reason in self.samples:
            if shape is None:
                yield Sample(row, label, None, reason)
                continue
            size = math.prod(shape) * np.dtype(dtype).itemsize
            yield Sample(row, label, content[place : place + size].view(dtype).reshape(shape), reason)
            place += size


class _OfRecording(Exception):
    """Carries an OSError of a recording past the code that takes one for an error of writing."""

    def __init__(self, error: OSError) -> None:
        self.error = error


@dataclass
class Conversion:
    """The recordings of a split, to be written into a cache.

    Args:
        recordings: the recordings.
        title: name of the split in messages.
        workers: number of processes that read; 0 to read in this process.
        skip: returns whether a recording is left out because of an error; None if each error ends the conversion.
    """

    recordings: Sequence[Recording]
    title: str
    workers: int
    skip: Skip | None = None

    def write(self, folder: Folder, identity: Identity) -> None:
        """Write the cache, whole or not at all.

        Raises:
            UserError: the disk is too small or cannot be written, samples do not fit together, or all are left out.
            RunFailed: worker processes die again and again.
            Exception: the error of a recording.
        """
        self._per_task = 1
        try:
            with writing(folder, identity) as writer, self._bar() as bar:
                for sample in self._samples():
                    self._add(writer, sample)
                    if len(writer) == ENOUGH_TO_ESTIMATE:
                        self._check_room(folder, writer)
                    bar.update()
                    signs_of_life.give()
                if not len(writer):
                    first = writer.skipped[0].reason
                    raise UserError(f"{self.title}: no recording can be used; the first of {len(self)}: {first}")
        except _OfRecording as carried:
            raise carried.error from carried.error.__cause__
        except OSError as error:
            raise UserError(
                f"{self.title}: the converted recordings cannot be written into {shown(folder.path)} "
                f"({error.strerror or error}): make room there, or name a copy of the data with dataset.root=…"
            ) from error

    def __len__(self) -> int:
        return len(self.recordings)

    def _add(self, writer: Writer, sample: Sample) -> None:
        if sample.frames is None:
            writer.skip(sample.row, sample.reason)
            return
        try:
            writer.add(sample.row, sample.label, sample.frames)
        except ValueError as error:
            raise UserError(
                f"{self.title}: recording {sample.row} of {len(self)} does not fit the others: {error}; "
                "all need the same number of channels or units, the same height and the same width"
            ) from error
        self._per_task = max(1, min(MOST_PER_TASK, BYTES_PER_TASK // sample.frames.nbytes))

    def _samples(self) -> Iterator[Sample]:
        """Yield the sample of each recording, in order."""
        work = partial(_read, self.recordings, self.skip)
        if not self.workers:
            yield from _flat(map(work, self._tasks()))
            return
        workers = Processes(
            work, min(self.workers, len(self)), doing="converts recordings", remedy=REMEDY, hint="close other programs"
        )
        try:
            yield from _flat(workers.results(self._tasks()))
        finally:
            workers.close()

    def _tasks(self) -> Iterator[range]:
        """Yield the recordings of each task; the size of the last sample decides how many they are."""
        start = 0
        while start < len(self):
            stop = min(start + self._per_task, len(self))
            yield range(start, stop)
            start = stop

    def _check_room(self, folder: Folder, writer: Writer) -> None:
        """Check that the rest fits on the disk, if each of its samples is as small as the smallest so far.

        Raises:
            UserError: it does not fit.
        """
        needed, free = writer.smallest * len(self), shutil.disk_usage(folder.path).free + writer.written
        if needed > free:
            raise UserError(
                f"{self.title}: the converted recordings need {needed / GB:,.1f} GB or more, and {shown(folder.path)} "
                f"has {free / GB:,.1f} GB: make room there, or name a copy of the data with dataset.root=…"
            )

    def _bar(self) -> tqdm[Any]:
        return tqdm(
            total=len(self),
            desc=f"converting {self.title}",
            leave=False,
            file=sys.stdout,
            disable=not sys.stdout.isatty(),
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}, {remaining} left",
        )


def _flat(tasks: Iterable[Done]) -> Iterator[Sample]:
    """Yield the samples of all tasks.

    Raises:
        _OfRecording: an OSError of a recording.
        Exception: another error of a recording.
    """
    try:
        for done in tasks:
            yield from done.unpacked()
    except OSError as error:
        raise _OfRecording(error) from error


def _read(recordings: Sequence[Recording], skip: Skip | None, rows: range) -> Done:
    """Return the samples of some recordings; this runs in a worker."""
    return Done.of(_sample(row, recordings[row], skip) for row in rows)


def _sample(row: int, recording: Recording, skip: Skip | None) -> Sample:
    try:
        frames = recording.read()
    except Exception as error:
        if skip is None or not skip(error):
            raise
        return Sample(row, recording.label, None, first_line(error) or type(error).__name__)
    return Sample(row, recording.label, frames)
