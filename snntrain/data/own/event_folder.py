"""Recordings of the user's own, in a folder for each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snntrain.data.dataset import Data
from snntrain.data.events.events import Sensor
from snntrain.data.events.frames import Binning
from snntrain.data.events.readers import formats
from snntrain.data.own.bad_files import converted_parts
from snntrain.data.own.listing import Kind, listed
from snntrain.data.own.parts import divided

KIND = Kind("event_folder", "recordings", frozenset(formats.SUFFIXES))
# Another number makes all caches anew: the way in which events become frames has changed.
VERSION = 1


@dataclass(frozen=True)
class RecordingFile:
    """A file of events, which becomes frames when it is read.

    Args:
        path: the file.
        label: its class.
        sensor, format_name, orientation: as in `formats.read`.
        binning: how events become frames.
    """

    path: Path
    label: int
    sensor: Sensor
    format_name: str
    orientation: str
    binning: Binning

    def read(self) -> NDArray[np.uint8]:
        """Return the frames, uint8 `[T, polarities, H, W]` or `[T, units]`.

        Raises:
            BadRecording: the file cannot be read.
        """
        events = formats.read(self.path, self.sensor, self.format_name, self.orientation)
        return self.binning.frames(events, self.sensor)


def load(
    T: int,
    root: str | None = None,
    validation: float = 0.1,
    split_seed: int = 0,
    test: float = 0.2,
    format: str = "auto",
    orientation: str = "spikingjelly",
    sensor: Sequence[int] = (128, 128),
    frames_by: str = "number",
    frame_us: int | None = None,
    downsample: int = 1,
    group_units: int = 1,
    binary: bool = False,
    skip_bad: bool = False,
) -> Data:
    """Return the recordings below a folder, `train/<class>/…` with optional `val/` and `test/`, or `<class>/…`.

    They become frames once, in worker processes, in a cache beside them.

    Args:
        T: number of frames, by number and by time.
        root: the folder.
        validation: share of the training recordings that is held out, if there is no folder val.
        split_seed: seed of the parts that are held out.
        test: share of all recordings that is held out for the test, if there is no folder test.
        format, orientation: as in `formats.read`.
        sensor: height and width; a sensor of height 1 has units, without polarities.
        frames_by, frame_us, downsample, group_units, binary: as in `Binning`.
        skip_bad: whether recordings that cannot be read are left out.

    Raises:
        UserError: the folder has no two classes of recordings, recordings cannot be read, settings do not suit the
            sensor, or a class has too few recordings for all parts.
    """
    height, width = sensor
    grid = Sensor(height, width, polarities=1 if height == 1 else 2)
    binning = Binning(frames_by, T, frame_us, downsample, binary, group_units)
    binning.shape(grid)
    formats.check_format(format)
    listing = listed(root, KIND)
    recordings = {
        part: [RecordingFile(file.path, file.label, grid, format, orientation, binning) for file in files]
        for part, files in listing.parts.items()
    }
    # The number of frames of equal duration does not depend on T.
    decisive = replace(binning, steps=1) if frames_by == "duration" else binning
    key = {"version": VERSION, "sensor": grid, "format": format, "orientation": orientation, "binning": decisive}
    parts = converted_parts(KIND, listing, recordings, key=key, skip_bad=skip_bad)
    return divided(
        KIND.dataset,
        parts,
        listing.class_names,
        validation=validation,
        test=test,
        split_seed=split_seed,
        scale=1.0,
    )
