"""Spoken words as spikes of a cochlea of 700 units: SHD and SSC (Cramer et al., 2020, 10.1109/TNNLS.2020.3044364)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.data.archives.archive import Archive
from snntrain.data.dataset import Data, hold_out
from snntrain.data.events.events import BadRecording, Sensor
from snntrain.data.events.frames import Binning
from snntrain.data.events.readers.spikes_h5 import SpikeFile
from snntrain.data.sets.recordings import binning_of, converted_part, found, frame_settings, note_if_incomplete
from snntrain.data.source import Packed
from snntrain.errors import UserError
from snntrain.files.paths import shown

UNITS = 700
COCHLEA = Sensor(1, UNITS, 1)
PAGE = "https://zenkelab.org/datasets/"
MIRRORS = (PAGE, "https://compneuro.net/datasets/")
MD5 = {
    "shd_train.h5": "f3252aeb598ac776c1b526422d90eecb",
    "shd_test.h5": "1503a5064faa34311c398fb0a1ed0a6f",
    "ssc_train.h5": "d102be95e7144fcc0553d1f45ba94170",
    "ssc_valid.h5": "b4eee3516a4a90dd0c71a6ac23a8ae43",
    "ssc_test.h5": "a35ff1e9cffdd02a20eb850c17c37748",
}
COUNTS = {
    "shd_train.h5": 8_156,
    "shd_test.h5": 2_264,
    "ssc_train.h5": 75_466,
    "ssc_valid.h5": 9_981,
    "ssc_test.h5": 20_382,
}
VALIDATED_BY = {"shd": ("speaker", "random"), "ssc": ("official", "speaker", "random")}


def shd(
    T: int,
    root: str | None = None,
    validation: float = 0.1,
    split_seed: int = 0,
    validation_by: str = "speaker",
    frames_by: str = "duration",
    frame_us: int | None = 10_000,
    group_units: int = 5,
    binary: bool = False,
) -> Data:
    """Return spoken digits in English and German, 20 classes, 8,156 to train on and 2,264 to test.

    Two of the twelve speakers are in the test only.

    Args:
        validation_by: speaker, to hold out whole speakers of the training; or random, stratified by class.
        group_units: neighbouring units that become one input.
    """
    _check_choice("shd", validation_by)
    place = source("shd")
    folder = found(place, root)
    binning = binning_of(T, frames_by, frame_us, binary=binary, group_units=group_units)
    train, test = (_File(place, folder, name, binning) for name in place.files)
    return _held_out("shd", train, test, validation, split_seed, by_speaker=validation_by == "speaker")


def ssc(
    T: int,
    root: str | None = None,
    validation: float = 0.1,
    split_seed: int = 0,
    validation_by: str = "official",
    frames_by: str = "duration",
    frame_us: int | None = 10_000,
    group_units: int = 5,
    binary: bool = False,
) -> Data:
    """Return spoken English commands, 35 classes, 75,466 to train on, 9,981 to validate and 20,382 to test.

    Args:
        validation_by: official, the validation recordings of the set; or speaker or random, to hold out a share of the
            training instead, as in `shd`; the official ones are not used then.
        group_units: neighbouring units that become one input.
    """
    _check_choice("ssc", validation_by)
    place = source("ssc")
    folder = found(place, root)
    binning = binning_of(T, frames_by, frame_us, binary=binary, group_units=group_units)
    if validation_by == "official":
        train, valid, test = (_File(place, folder, name, binning) for name in place.files)
        return Data("ssc", train.split, valid.split, test.split, train.class_names, 1.0)
    train, test = (_File(place, folder, name, binning) for name in (place.files[0], place.files[-1]))
    return _held_out("ssc", train, test, validation, split_seed, by_speaker=validation_by == "speaker")


def source(name: str) -> Packed:
    """Return place and origin of shd or ssc."""
    files = tuple(file for file in MD5 if file.startswith(name))
    archives = tuple(
        Archive(f"{file}.zip", file, MD5[file], tuple(f"{mirror}{file}.zip" for mirror in MIRRORS)) for file in files
    )
    return Packed(name, name.upper(), files, archives, PAGE)


def _check_choice(name: str, validation_by: str) -> None:
    if validation_by not in VALIDATED_BY[name]:
        raise UserError(
            f"dataset.validation_by={validation_by}: must be one of dataset={name}'s: {', '.join(VALIDATED_BY[name])}"
        )


def _held_out(name: str, train: _File, test: _File, validation: float, split_seed: int, *, by_speaker: bool) -> Data:
    return hold_out(
        name,
        train.split,
        test.split,
        train.class_names,
        validation=validation,
        split_seed=split_seed,
        scale=1.0,
        groups=train.speakers() if by_speaker else None,
    )


class _File:
    """One HDF5 file of a set, converted.

    Args:
        place: the data set.
        folder: its folder.
        name: name of the file, as shd_train.h5.
        binning: how spikes become frames.

    Raises:
        UserError: the file is damaged, or names fewer than two classes.
    """

    def __init__(self, place: Packed, folder: Path, name: str, binning: Binning) -> None:
        self.path = folder / name
        self.file = SpikeFile(self.path, UNITS)
        self.class_names = self.file.keys
        if len(self.class_names) < 2:
            raise BadRecording(
                self.path, f"it names {len(self.class_names)} classes; at least 2 are needed, get the file again"
            )
        note_if_incomplete(place, self.path, len(self.file), COUNTS[name])
        recordings = [Utterance(self.file, index, int(label), binning) for index, label in enumerate(self.file.labels)]
        part = name.removeprefix(f"{place.name}_").removesuffix(".h5")
        settings = frame_settings("spikes", COCHLEA, binning)
        self.split = converted_part(place, folder, part, recordings, [self.path], settings)

    def speakers(self) -> Tensor:
        """Return the speaker of each recording, int64 `[N]`.

        Raises:
            UserError: the file does not name them.
        """
        if self.file.speakers is None:
            raise UserError(
                f"{shown(self.path)}: does not name the speakers; hold out by dataset.validation_by=random instead"
            )
        return torch.from_numpy(self.file.speakers)


@dataclass(frozen=True)
class Utterance:
    """One recording of an HDF5 file.

    Args:
        file: the file.
        index: its index in the file.
        label: its class.
        binning: how spikes become frames.
    """

    file: SpikeFile
    index: int
    label: int
    binning: Binning

    def read(self) -> NDArray[np.uint8]:
        """Return the frames, uint8 `[T, units]`."""
        return self.binning.frames(self.file[self.index], COCHLEA)
