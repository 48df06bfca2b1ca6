"""DVS128 Gesture: 11 gestures of 29 people, in three kinds of light (Amir et al., 2017, doi 10.1109/CVPR.2017.781)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from snntrain.data.archives.archive import Archive
from snntrain.data.cache import CachedSplit
from snntrain.data.dataset import Data, hold_out
from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.data.events.frames import Binning
from snntrain.data.events.readers import aedat31, gesture_npy
from snntrain.data.sets.gesture_trials import Trial, listed_trials
from snntrain.data.sets.recordings import (
    Format,
    binning_of,
    converted_files,
    converted_part,
    found,
    frame_settings,
    note_if_incomplete,
)
from snntrain.data.source import Packed
from snntrain.errors import UserError
from snntrain.files.paths import shown

SENSOR = Sensor(128, 128)
TONIC = Format("gesture_npy", gesture_npy.read, SENSOR)
CLASSES = (
    *("hand_clapping", "right_hand_wave", "left_hand_wave", "right_arm_clockwise", "right_arm_counter_clockwise"),
    *("left_arm_clockwise", "left_arm_counter_clockwise", "arm_roll", "air_drums", "air_guitar", "other_gestures"),
)
LAYOUTS = ("original", "tonic")
VALIDATED_BY = ("user", "random")
# The files or folders of the training and of the test, and the number of trials in each.
COUNTS = {"original": (1_176, 288), "tonic": (1_077, 264)}
PAGES = {
    "original": "https://ibm.ent.box.com/s/3hiq58ww1pbbjrinh367ykfdf60xsfm8/folder/50167556794",
    "tonic": "https://zenodo.org/records/8060604",
}
ARCHIVES = {
    # The page lets no program fetch it.
    "original": (Archive("DvsGesture.tar.gz", "DvsGesture", "8a5c71fb11e24e5ca5b11866ca6c00a1"),),
    "tonic": tuple(
        Archive(
            f"{name}.tar.gz",
            name,
            md5,
            (f"{PAGES['tonic']}/files/{name}.tar.gz?download=1", f"https://api.figshare.com/v2/file/download/{number}"),
        )
        for name, number, md5 in (
            ("ibmGestureTrain", 38022171, "3a8f0d4120a166bac7591f77409cb105"),
            ("ibmGestureTest", 38020584, "56070e45dadaa85fff82e0fbfbc06de5"),
        )
    ),
}
USER = re.compile(r"user(\d{2})_[a-z_]+", re.ASCII)


def dvs128_gesture(
    T: int,
    root: str | None = None,
    validation: float = 0.1,
    split_seed: int = 0,
    validation_by: str = "user",
    layout: str = "original",
    frames_by: str = "number",
    frame_us: int | None = None,
    downsample: int = 1,
    binary: bool = False,
) -> Data:
    """Return recordings of 11 gestures, 2x128x128: users 1 to 23 to train on, users 24 to 29 to test.

    Args:
        validation_by: user, to hold out whole users of the training; or random, stratified by gesture.
        layout: original, the archive of the authors, 1,176 trials to train on and 288 to test: each line of the label
            files of the recordings in trials_to_train.txt and trials_to_test.txt; or tonic, the arrays that tonic
            downloads, 1,077 and 264: one for each gesture of a recording, so that repeated ones are missing.
    """
    if layout not in LAYOUTS:
        raise UserError(f"dataset.layout={layout}: must be one of {', '.join(LAYOUTS)}")
    if validation_by not in VALIDATED_BY:
        raise UserError(
            f"dataset.validation_by={validation_by}: must be one of dataset=dvs128_gesture's: {', '.join(VALIDATED_BY)}"
        )
    place, binning = source(layout), binning_of(T, frames_by, frame_us, downsample=downsample, binary=binary)
    folder = found(place, root)
    make = _original if layout == "original" else _of_tonic
    (train, users), (test, tested_users) = (
        make(place, folder, part, count, binning) for part, count in zip(("train", "test"), COUNTS[layout], strict=True)
    )
    if both := set(users) & set(tested_users):
        raise UserError(
            f"dataset=dvs128_gesture: user {min(both)} is in the training and in the test below {shown(folder)}; put a "
            "good copy there"
        )
    return hold_out(
        "dvs128_gesture",
        train,
        test,
        CLASSES,
        validation=validation,
        split_seed=split_seed,
        scale=1.0,
        groups=torch.tensor(users) if validation_by == "user" else None,
    )


def source(layout: str = "original") -> Packed:
    """Return place and origin of the set in one of its layouts."""
    archives = ARCHIVES[layout]
    note = "take the arrays that can be downloaded, by dataset.layout=tonic" if layout == "original" else ""
    files = tuple(archive.holds for archive in archives)
    return Packed("dvs128_gesture", "DVSGesture", files, archives, PAGES[layout], note)


@dataclass(frozen=True)
class Gesture:
    """One trial of a recording in the original layout.

    Args:
        trial: the recording, the gesture and its time.
        binning: how events become frames.
    """

    trial: Trial
    binning: Binning

    @property
    def label(self) -> int:
        return self.trial.label

    def read(self) -> NDArray[np.uint8]:
        """Return the frames, uint8 `[T, 2, H, W]`.

        Raises:
            BadRecording: the recording is damaged, or has no events at the time of the trial.
        """
        trial, events = self.trial, _recording(self.trial.path)
        start, stop = np.searchsorted(events.t, [trial.start, trial.stop])
        if start == stop:
            raise BadRecording(
                trial.path,
                f"it has no events of {CLASSES[trial.label]} from {trial.start:,} to {trial.stop:,} µs; get it and its "
                "label file again",
            )
        within = slice(int(start), int(stop))
        part = Events(events.x[within], events.y[within], events.t[within], events.p[within])
        return self.binning.frames(part, SENSOR)


@lru_cache(maxsize=1)
def _recording(path: Path) -> Events:
    """Return the events of a recording, which has a dozen trials; a process mostly reads these one after the other."""
    return aedat31.read(path)


def _original(
    place: Packed, folder: Path, part: str, count: int, binning: Binning
) -> tuple[CachedSplit, Sequence[int]]:
    """Return the converted trials of a part and their users."""
    below = folder / "DvsGesture"
    trials = listed_trials(below, f"trials_to_{part}.txt", len(CLASSES))
    note_if_incomplete(place, below / f"trials_to_{part}.txt", len(trials), count)
    paths = {path: None for trial in trials for path in (trial.path, trial.labels)}
    split = converted_part(
        place,
        folder,
        f"{part}_original",
        [Gesture(trial, binning) for trial in trials],
        list(paths),
        frame_settings("aedat31", SENSOR, binning),
    )
    return split, [_user(trial.path) for trial in trials]


def _of_tonic(
    place: Packed, folder: Path, part: str, count: int, binning: Binning
) -> tuple[CachedSplit, Sequence[int]]:
    """Return the converted arrays of a part and their users."""
    below = folder / f"ibmGesture{part.capitalize()}"
    files = []
    for path in sorted(below.glob("user*/*.npy")):
        if not path.stem.isdecimal() or int(path.stem) >= len(CLASSES):
            raise BadRecording(path, f"its name must be a gesture, 0.npy to {len(CLASSES) - 1}.npy; remove it")
        files.append((path, int(path.stem)))
    note_if_incomplete(place, below, len(files), count)
    split = converted_files(place, folder, f"{part}_tonic", files, TONIC, binning)
    return split, [_user(path.parent) for path, _ in files]


def _user(path: Path) -> int:
    named = USER.fullmatch(path.name.partition(".")[0])
    if named is None:
        raise BadRecording(path, "its name has no user, as user07_led; rename it or remove it")
    return int(named[1])
