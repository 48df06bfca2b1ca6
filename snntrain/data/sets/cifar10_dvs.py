"""CIFAR10-DVS: 1,000 images of each class of CIFAR-10, moved on a screen (Li et al., 2017, fnins.2017.00309)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from snntrain.data.archives.archive import Archive
from snntrain.data.dataset import Data, hold_out, part_of
from snntrain.data.events.events import BadRecording, Sensor
from snntrain.data.events.readers import aedat2
from snntrain.data.sets.folders import by_class
from snntrain.data.sets.recordings import Format, binning_of, converted_files, found, note_if_incomplete
from snntrain.data.sets.shares import share_of
from snntrain.data.source import Packed
from snntrain.errors import UserError

SENSOR = Sensor(128, 128)
COUNT = 10_000
PAGE = "https://figshare.com/articles/dataset/CIFAR10-DVS_New/4724671"
# The class, the number of its archive on figshare, and the MD5 checksum of the archive.
CLASSES = (
    ("airplane", 7712788, "0afd5c4bf9ae06af762a77b180354fdd"),
    ("automobile", 7712791, "8438dfeba3bc970c94962d995b1b9bdd"),
    ("bird", 7712794, "a9c207c91c55b9dc2002dc21c684d785"),
    ("cat", 7712812, "52c63c677c2b15fa5146a8daf4d56687"),
    ("deer", 7712815, "b6bf21f6c04d21ba4e23fc3e36c8a4a3"),
    ("dog", 7712818, "f379ebdf6703d16e0a690782e62639c3"),
    ("frog", 7712842, "cad6ed91214b1c7388a5f6ee56d08803"),
    ("horse", 7712851, "e7cbbf77bec584ffbf913f00e682782a"),
    ("ship", 7712836, "41c7bd7d6b251be82557c6cce9a7d5c9"),
    ("truck", 7712839, "89f3922fd147d9aeff89e76a2b0b70a7"),
)
NAMES = tuple(name for name, _, _ in CLASSES)
SPLITS = ("first90", "numbered", "random")
ORIENTATIONS = ("spikingjelly", "jaer", "tonic")
# The share of the training recordings, and the first number of a test recording.
TRAINED, FIRST_TESTED = 0.9, 900
NUMBER = re.compile(r"cifar10_[a-z]+_(\d{1,6})\.aedat", re.ASCII)


def cifar10_dvs(
    T: int,
    root: str | None = None,
    validation: float = 0.1,
    split_seed: int = 0,
    split: str = "first90",
    orientation: str = "spikingjelly",
    frames_by: str = "number",
    frame_us: int | None = None,
    downsample: int = 1,
    binary: bool = False,
) -> Data:
    """Return recordings of ten kinds of things, 2x128x128, 9,000 to train on and 1,000 to test.

    There is no official split; results of different splits do not compare.

    Args:
        split: first90, the first 90 % of each class in the order of file names to train on, as in SpikingJelly;
            numbered, the numbers 0 to 899 of each class; random, chosen by `split_seed`, stratified.
        orientation: how an address becomes a pixel: spikingjelly, jaer or tonic.
    """
    if split not in SPLITS:
        raise UserError(f"dataset.split={split}: must be one of dataset=cifar10_dvs's: {', '.join(SPLITS)}")
    if orientation not in ORIENTATIONS:
        raise UserError(f"dataset.orientation={orientation}: must be one of {', '.join(ORIENTATIONS)}")
    place, binning = source(), binning_of(T, frames_by, frame_us, downsample=downsample, binary=binary)
    folder = found(place, root)
    listed = by_class(folder, NAMES, ".aedat")
    note_if_incomplete(place, folder, len(listed), COUNT)
    form = Format("aedat2", partial(aedat2.read, orientation=orientation), SENSOR)
    every = converted_files(place, folder, "all", listed, form, binning, orientation=orientation)
    if split == "random":
        kept, tested = share_of(every.labels, 1 - TRAINED, split_seed, "dataset.split=random, a test share")
    else:
        is_test = _after_the_first(every.labels) if split == "first90" else _numbered(listed)
        kept, tested = (~is_test).nonzero().flatten(), is_test.nonzero().flatten()
    return hold_out(
        "cifar10_dvs",
        part_of(every, kept),
        part_of(every, tested),
        NAMES,
        validation=validation,
        split_seed=split_seed,
        scale=1.0,
    )


def source() -> Packed:
    """Return place and origin of the set."""
    # The first address answers programs; the second sends them 0 bytes from many networks.
    archives = tuple(
        Archive(
            f"{name}.zip",
            name,
            md5,
            (
                f"https://api.figshare.com/v2/file/download/{number}",
                f"https://ndownloader.figshare.com/files/{number}",
            ),
        )
        for name, number, md5 in CLASSES
    )
    return Packed("cifar10_dvs", "CIFAR10DVS", NAMES, archives, PAGE)


def _after_the_first(labels: Tensor) -> Tensor:
    """Return which recordings come after the first 90 % of their class, bool `[N]`; the share is rounded up."""
    is_test = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        is_test[members[math.ceil(TRAINED * len(members)) :]] = True
    return is_test


def _numbered(listed: Sequence[tuple[Path, int]]) -> Tensor:
    """Return which recordings have a number of a test recording, bool `[N]`."""
    numbers = []
    for path, _ in listed:
        named = NUMBER.fullmatch(path.name)
        if named is None:
            raise BadRecording(path, "its name has no number, as cifar10_cat_7.aedat; rename it or remove it")
        numbers.append(int(named[1]))
    return torch.tensor(numbers) >= FIRST_TESTED
