"""Spikes of many recordings in one HDF5 file, as in the Spiking Heidelberg Digits and Spiking Speech Commands."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snntrain.data.events.checks import AGAIN, check_inside, checked
from snntrain.data.events.events import BadRecording, Events
from snntrain.data.events.readers.hdf5 import damage_reported, dataset, member, opened
from snntrain.data.events.readers.heaps import check_heaps

TIMES, UNITS, LABELS, SPEAKERS, KEYS = "spikes/times", "spikes/units", "labels", "extra/speaker", "extra/keys"
# The largest file, of the training part of SSC, has 75,466 recordings.
MOST_RECORDINGS = 10_000_000
MOST_BYTES_OF_KEYS = 2**20
# Three days; float16 ends at 18 hours.
LONGEST_SECONDS = 2.0**18
# Files that a process keeps open.
MOST_OPEN = 8


class SpikeFile:
    """The recordings of an HDF5 file of spikes.

    A recording is a row of `spikes/times`, ragged, in seconds, mostly float16, and the same row of `spikes/units`. The
    file may be read by several processes: a copy in another process opens it again.

    Args:
        path: the file.
        units: number of units of the sensor, default 700 as in SHD and SSC.

    Raises:
        UserError: h5py is not installed.
        BadRecording: the file cannot be read or is damaged, or its parts do not belong together.
    """

    def __init__(self, path: Path, units: int = 700) -> None:
        self.path, self.units = path, units
        count = _opened(path).count
        check_heaps(path)
        for name, found in (("labels", self.labels), ("speakers", self.speakers)):
            if found is not None and len(found) != count:
                raise BadRecording(path, f"it has {len(found):,} {name} for {count:,} recordings; {AGAIN}")
        if count and (int(self.labels.min()) < 0 or (self.keys and int(self.labels.max()) >= len(self.keys))):
            labels = f"from {int(self.labels.min())} to {int(self.labels.max())}"
            raise BadRecording(path, f"its labels are {labels}, and it has {len(self.keys)} keys; {AGAIN}")

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the labels: a copy in another process rarely asks for them, and can read them."""
        return {"path": self.path, "units": self.units}

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class of each recording, int64 `[N]`."""
        return _integers(self.path, LABELS)

    @cached_property
    def speakers(self) -> NDArray[np.int64] | None:
        """The speaker of each recording, int64 `[N]`; None if the file does not have them."""
        return None if self._lacks(SPEAKERS) else _integers(self.path, SPEAKERS)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The name of each class; empty if the file does not have them."""
        if self._lacks(KEYS):
            return ()
        with damage_reported(self.path):
            found = dataset(self.path, _opened(self.path).file, KEYS)
            size = found.dtype.itemsize * found.size
            if found.ndim != 1 or found.dtype.kind not in "SO" or size > MOST_BYTES_OF_KEYS:
                raise BadRecording(self.path, f"its {KEYS} is {found.dtype} {list(found.shape)}, not names; {AGAIN}")
            return tuple(bytes(key).decode(errors="replace") for key in found[...])

    def _lacks(self, name: str) -> bool:
        with damage_reported(self.path):
            return member(self.path, _opened(self.path).file, name) is None

    def __len__(self) -> int:
        return _opened(self.path).count

    def __getitem__(self, index: int) -> Events:
        """Return the events of a recording, in the order of time: x is the unit, y is 0 and p is 1.

        Seconds become float64 before they become microseconds: float16 ends at 65,504. The format promises no order of
        the spikes, so they are sorted.

        Raises:
            IndexError: there is no such recording.
            BadRecording: it has no spikes, or numbers that are not times or units.
        """
        opened_file = _opened(self.path)
        if not 0 <= index < opened_file.count:
            raise IndexError(index)
        source = Path(f"{self.path}, recording {index}")
        with damage_reported(source):
            seconds, units = opened_file.times.row(index), opened_file.units.row(index)
        if len(seconds) != len(units):
            raise BadRecording(source, f"it has {len(seconds):,} times and {len(units):,} units; {AGAIN}")
        exact = seconds.astype(np.float64)
        if len(exact) and not 0 <= exact.min() <= exact.max() < LONGEST_SECONDS:
            wrong = exact[~((exact >= 0) & (exact < LONGEST_SECONDS))]
            raise BadRecording(source, f"its time {wrong[0]} is not one in seconds; {AGAIN}")
        check_inside(source, units, "x", self.units)
        t, x = np.rint(exact * 1e6).astype(np.int64), units.astype(np.uint16)
        if (t[1:] < t[:-1]).any():
            order = np.argsort(t, kind="stable")
            t, x = t[order], x[order]
        return checked(Events(x, np.zeros_like(x), t, np.ones(len(x), np.uint8), source), None)


class _Ragged:
    """A ragged data set, whose rows are read by HDF5's own call: `h5py.Dataset` takes three times as long for one."""

    def __init__(self, found: Any) -> None:
        h5s, h5t = (importlib.import_module(f"h5py.{name}") for name in ("h5s", "h5t"))
        self.count, self._kind, self._id = len(found), found.dtype, found.id
        self._space, self._one, self._type = found.id.get_space(), h5s.create_simple((1,)), h5t.py_create(found.dtype)

    def row(self, index: int) -> NDArray[Any]:
        """Return a row."""
        rows = np.empty(1, self._kind)
        self._space.select_hyperslab((index,), (1,))
        self._id.read(self._one, self._space, rows, self._type)
        row: NDArray[Any] = rows[0]
        return row


@dataclass(frozen=True)
class _Opened:
    """An open file: its `h5py.File`, and its two ragged data sets, which have the same length."""

    file: Any
    times: _Ragged
    units: _Ragged

    @property
    def count(self) -> int:
        return self.times.count


# By path; the identity says by which process, and from which file of that name.
_files: dict[Path, tuple[tuple[int, ...], _Opened]] = {}


def _opened(path: Path) -> _Opened:
    """Return the open file, which stays open in this process."""
    identity: tuple[int, ...]
    try:
        found = os.stat(path)
        identity = (os.getpid(), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    except OSError:
        identity = ()  # Opening it reports the reason.
    if path in _files and _files[path][0] == identity:
        return _files[path][1]
    _files.pop(path, None)
    while len(_files) >= MOST_OPEN:
        _files.pop(next(iter(_files)))
    file = opened(path)
    with damage_reported(path):
        times, units = (dataset(path, file, name) for name in (TIMES, UNITS))
        _check_ragged(path, TIMES, times, "f")
        _check_ragged(path, UNITS, units, "iu")
        if len(times) != len(units):
            raise BadRecording(path, f"it has {len(times):,} rows of times and {len(units):,} of units; {AGAIN}")
    _files[path] = (identity, _Opened(file, _Ragged(times), _Ragged(units)))
    return _files[path][1]


def _check_ragged(path: Path, name: str, found: Any, kinds: str) -> None:
    base = (found.dtype.metadata or {}).get("vlen")
    if found.ndim != 1 or not isinstance(base, np.dtype) or base.kind not in kinds:
        what = f"of {base}" if isinstance(base, np.dtype) else f"of {found.dtype} without ragged rows"
        raise BadRecording(path, f"its {name} is {list(found.shape)} {what}; name its format, or {AGAIN}")
    if len(found) > MOST_RECORDINGS:
        most = f"at most {MOST_RECORDINGS:,} are read"
        raise BadRecording(path, f"its {name} promises {len(found):,} recordings, and {most}; {AGAIN}")


def _integers(path: Path, name: str) -> NDArray[np.int64]:
    with damage_reported(path):
        found = dataset(path, _opened(path).file, name)
        if found.ndim != 1 or found.dtype.kind not in "iu" or found.size > MOST_RECORDINGS:
            raise BadRecording(path, f"its {name} is {found.dtype} {list(found.shape)}, not whole numbers; {AGAIN}")
        array: NDArray[np.int64] = found[...].astype(np.int64)
        return array
