"""Messages of recordings of events, and of their frames."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from snntrain.data.events.events import Events, Sensor
from snntrain.data.events.frames import Binning
from snntrain.data.events.readers import aedat2, arrays_h5, formats
from tests.data.events.bad_files.table import CASES as BAD_FILES
from tests.data.events.bad_files.table import NEED_H5PY, TABLE

from .world import Case, World

CAMERA, COCHLEA = Sensor(34, 34), Sensor(1, 700, 1)
HOUR = 3_600_000_000


def _bad_file(name: str, file: str) -> Case:
    """Return the case of a damaged or odd file."""
    read, files = TABLE[name]

    def bring_about(world: World) -> object:
        path = world.folder / "recordings" / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        files[file].make(path)
        return read(path)

    reason, _, remedy = files[file].reason.rpartition("; ")
    return bring_about, (file, reason.partition("…")[0], remedy)


def _without_h5py(world: World) -> None:
    with world.patch.context() as patch:
        patch.setitem(sys.modules, "h5py", None)
        arrays_h5.read(world.folder / "a.h5")


def _frames(binning: Callable[[], Binning], sensor: Sensor, *times: int) -> Callable[[World], object]:
    """Return the call that makes frames of events at these times."""

    def bring_about(_: World) -> object:
        zeros = np.zeros(len(times), np.uint16)
        events = Events(zeros, zeros, np.array(times, np.int64), zeros.astype(np.uint8), Path("some.bin"))
        return binning().frames(events, sensor)

    return bring_about


CASES: dict[str, Case] = {
    # data/events/readers/
    **{
        f"{name}: {file}": _bad_file(name, file)
        for name, file in BAD_FILES
        if name not in NEED_H5PY or importlib.util.find_spec("h5py")
    },
    "no h5py": (_without_h5py, ("HDF5 files", "need the package h5py", "pip install 'snntrain[events]'")),
    "a format": (lambda _: formats.check_format("mat"), ("dataset.format=mat", "must be one of", "auto, aedat2, atis")),
    "an orientation": (
        lambda _: aedat2.read(Path("a.aedat"), "upright"),
        ("dataset.orientation=upright", "must be one of", "spikingjelly, jaer, tonic"),
    ),
    # data/events/frames.py
    "frames by nothing": (
        lambda _: Binning("count", 4),
        ("dataset.frames_by=count", "must be one of", "number, time, duration"),
    ),
    "a duration without a length": (
        lambda _: Binning("duration", 4),
        ("dataset.frames_by=duration", "needs the length of a frame", "give dataset.frame_us"),
    ),
    "half a pixel": (
        lambda _: Binning("number", 4, downsample=0),
        ("dataset.downsample=0", "at least 1", "give a larger one"),
    ),
    "units of a camera": (
        _frames(lambda: Binning("number", 4, group_units=5), CAMERA, 0),
        ("dataset.group_units=5", "34 rows of pixels", "take dataset.downsample"),
    ),
    "pixels of a cochlea": (
        _frames(lambda: Binning("number", 4, downsample=2), COCHLEA, 0),
        ("dataset.downsample=2", "one row of units", "take dataset.group_units"),
    ),
    "frames of nothing": (_frames(lambda: Binning("number", 4), CAMERA), ("some.bin", "no events", "leave it out")),
    "frames without end": (
        _frames(lambda: Binning("duration", 4, 10_000), CAMERA, 0, HOUR),
        ("some.bin", "3,600 s are 360,001 frames of dataset.frame_us=10000", "give a larger one"),
    ),
    "frames of a large sensor": (
        _frames(lambda: Binning("number", 100_000), Sensor(480, 640), 0),
        ("some.bin", "100,000 frames of 2x480x640 take 61,440 MB", "take fewer frames"),
    ),
}
