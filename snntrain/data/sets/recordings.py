"""A recording of a set, and the conversion of many recordings into a cache of frames."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snntrain.data.cache import CachedSplit, Recording, converted
from snntrain.data.download import obtain, read_only_root
from snntrain.data.events.events import Events, Sensor
from snntrain.data.events.frames import Binning
from snntrain.data.root import data_root
from snntrain.data.source import Place
from snntrain.errors import UserError
from snntrain.files.paths import shown

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Format:
    """The format of a set's files.

    Args:
        name: its name, which is part of the name of a cache.
        read: reads the events of a file.
        sensor: the grid of the sensor.
    """

    name: str
    read: Callable[[Path], Events]
    sensor: Sensor


@dataclass(frozen=True)
class EventFile:
    """A file with one recording.

    Args:
        path: the file.
        label: its class.
        format: its format.
        binning: how events become frames.
    """

    path: Path
    label: int
    format: Format
    binning: Binning

    def read(self) -> NDArray[np.uint8]:
        """Return the frames, uint8 `[T, polarities, H, W]`."""
        return self.binning.frames(self.format.read(self.path), self.format.sensor)


def binning_of(
    T: int,
    frames_by: str,
    frame_us: int | None,
    *,
    downsample: int = 1,
    binary: bool = False,
    group_units: int = 1,
) -> Binning:
    """Return the binning of a set's arguments.

    Raises:
        UserError: they do not fit together, see `Binning`.
    """
    by_duration = frames_by == "duration"
    # A cache must not depend on an argument without effect.
    steps, frame_us = (1, frame_us) if by_duration else (T, None)
    return Binning(frames_by, steps, frame_us, downsample, binary, group_units)


def converted_part(
    place: Place,
    folder: Path,
    part: str,
    recordings: Sequence[Recording],
    sources: Sequence[Path],
    settings: Mapping[str, object],
) -> CachedSplit:
    """Return the frames of recordings, converted at the first use and kept beside the data.

    Args:
        place: the data set.
        folder: its folder.
        part: name of the part, as train.
        recordings: the recordings.
        sources: the files that they are read from.
        settings: all settings that decide the frames.

    Raises:
        UserError: there are no recordings, or one cannot be read.
    """
    if not recordings:
        raise UserError(
            f"dataset={place.name}: {shown(folder)} has no recordings of the part {part}; put the data set there, or "
            "delete that folder to download it again"
        )
    return converted(
        recordings,
        name=place.name,
        part=part,
        key=settings,
        sources=sources,
        root=cache_root(folder, place),
    )


def converted_files(
    place: Place,
    folder: Path,
    part: str,
    files: Sequence[tuple[Path, int]],
    format: Format,
    binning: Binning,
    **more: object,
) -> CachedSplit:
    """Return the frames of files with one recording each, as `converted_part`.

    Args:
        place: the data set.
        folder: its folder.
        part: name of the part.
        files: the files with their labels.
        format: their format.
        binning: how events become frames.
        more: other settings that decide the frames.
    """
    recordings = [EventFile(path, label, format, binning) for path, label in files]
    paths = [path for path, _ in files]
    return converted_part(
        place, folder, part, recordings, paths, frame_settings(format.name, format.sensor, binning, **more)
    )


def frame_settings(format: str, sensor: Sensor, binning: Binning, **more: object) -> dict[str, object]:
    """Return all settings that decide the frames of a recording, for the name of their cache."""
    return {"format": format, "sensor": asdict(sensor), **asdict(binning), **more}


def found(place: Place, root: str | None) -> Path:
    """Return the folder of a set with all of its files, downloaded if they are missing."""
    return obtain(place, data_root(root))


def cache_root(folder: Path, place: Place) -> Path:
    """Return the data root with the caches of a set in this folder."""
    root = folder.parents[len(Path(place.folder).parts) - 1]
    # A file may name the set's own folder. Nothing is written above it, see `only_read`.
    given = read_only_root()
    return given[0] if given is not None and folder.is_relative_to(given[0]) else root


def note_if_incomplete(place: Place, folder: Path, count: int, complete: int) -> None:
    """Log a warning if a set has another number of recordings than the published one."""
    if count != complete:
        log.warning(
            "dataset=%s: %s has %s recordings, the published set has %s; results do not compare with others'",
            place.name,
            shown(folder),
            f"{count:,}",
            f"{complete:,}",
        )
