"""N-MNIST: MNIST's digits, moved in front of an event camera (Orchard et al., 2015, doi 10.3389/fnins.2015.00437)."""

from __future__ import annotations

import string
from functools import partial

from snntrain.data.archives.archive import Archive
from snntrain.data.dataset import Data, Split, hold_out, part_of
from snntrain.data.events.events import Sensor
from snntrain.data.events.readers import atis
from snntrain.data.sets.folders import by_class
from snntrain.data.sets.recordings import Format, binning_of, converted_files, found, note_if_incomplete
from snntrain.data.sets.shares import share_of
from snntrain.data.source import Packed

SENSOR = Sensor(34, 34)
FORMAT = Format("atis", partial(atis.read, sensor=SENSOR), SENSOR)
DIGITS = tuple(string.digits)
COUNTS = {"Train": 60_000, "Test": 10_000}
FILES = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"
ARCHIVES = (
    Archive(
        "Train.zip",
        "Train",
        "20959b8e626244a1b502305a9e6e2031",
        (f"{FILES}/39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",),
    ),
    Archive(
        "Test.zip",
        "Test",
        "69ca8762b2fe404d9b9bad1103e97832",
        (f"{FILES}/05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",),
    ),
)
PAGE = "https://www.garrickorchard.com/datasets/n-mnist"


def nmnist(
    T: int,
    root: str | None = None,
    validation: float = 0.1,
    split_seed: int = 0,
    test: float | None = None,
    frames_by: str = "number",
    frame_us: int | None = None,
    downsample: int = 1,
    binary: bool = False,
) -> Data:
    """Return recordings of handwritten digits, 2x34x34, 60,000 to train on and 10,000 to test.

    Args:
        test: None for the official test recordings; else the share of those in Train that is the test, chosen by
            `split_seed` with the same proportion of digits. Test is not needed then, and Train may be incomplete.
    """
    place, binning = source(test), binning_of(T, frames_by, frame_us, downsample=downsample, binary=binary)
    folder = found(place, root)
    parts = []
    for name in place.files:
        listed = by_class(folder / name, DIGITS, ".bin")
        note_if_incomplete(place, folder / name, len(listed), COUNTS[name])
        parts.append(converted_files(place, folder, name.lower(), listed, FORMAT, binning))
    train, tested = parts[0], parts[-1]
    if test is not None:
        kept, chosen = share_of(train.labels, test, split_seed, "dataset.test")
        return _held_out(part_of(train, kept), part_of(train, chosen), validation, split_seed)
    return _held_out(train, tested, validation, split_seed)


def source(test: float | None = None) -> Packed:
    """Return place and origin of the set.

    Args:
        test: as of `nmnist`; a share of Train needs no Test.
    """
    names = ("Train",) if test is not None else ("Train", "Test")
    archives = tuple(archive for archive in ARCHIVES if archive.holds in names)
    note = "" if test is not None else "hold out a share of Train by dataset.test=0.2"
    return Packed("nmnist", "NMNIST", names, archives, PAGE, note)


def _held_out(train: Split, test: Split, validation: float, split_seed: int) -> Data:
    return hold_out("nmnist", train, test, DIGITS, validation=validation, split_seed=split_seed, scale=1.0)
