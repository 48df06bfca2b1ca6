"""N-Caltech101: photographs of 100 things, moved in front of an event camera, and a class of backgrounds.

Orchard et al., 2015, doi 10.3389/fnins.2015.00437.
"""

from __future__ import annotations

from functools import partial

from snntrain.data.archives.archive import Archive
from snntrain.data.dataset import Data, hold_out, part_of
from snntrain.data.events.events import Sensor
from snntrain.data.events.readers import atis
from snntrain.data.sets.folders import by_class, class_folders
from snntrain.data.sets.recordings import Format, binning_of, converted_files, found, note_if_incomplete
from snntrain.data.sets.shares import share_of
from snntrain.data.source import Packed
from snntrain.errors import UserError
from snntrain.files.paths import shown

# The recordings have different sizes; this is the largest. A smaller one lies in the upper left corner.
SENSOR = Sensor(180, 240)
FORMAT = Format("atis", partial(atis.read, sensor=SENSOR), SENSOR)
COUNT = 8_709
PAGE = "https://www.garrickorchard.com/datasets/n-caltech101"
ARCHIVE = Archive(
    "Caltech101.zip",
    "Caltech101",
    "66201824eabb0239c7ab992480b50ba3",
    (
        "https://data.mendeley.com/public-files/datasets/cy6cvx3ryv/files/"
        "36b5c52a-b49d-4853-addb-a836a8883e49/file_downloaded",
    ),
)


def ncaltech101(
    T: int,
    root: str | None = None,
    validation: float = 0.1,
    split_seed: int = 0,
    test: float | None = 0.1,
    frames_by: str = "number",
    frame_us: int | None = None,
    downsample: int = 1,
    binary: bool = False,
) -> Data:
    """Return recordings of 100 kinds of things and of backgrounds, 2x180x240, 8,709 in all.

    There is no official split. The classes are the folders, in the order of their names.

    Args:
        test: share of the recordings that is the test, chosen by `split_seed` with the same proportion of classes.
    """
    if test is None:
        raise UserError("dataset.test=null: dataset=ncaltech101 has no official test recordings; give a share, as 0.1")
    place, binning = source(), binning_of(T, frames_by, frame_us, downsample=downsample, binary=binary)
    folder = found(place, root)
    classes = class_folders(folder / ARCHIVE.holds)
    if len(classes) < 2:
        raise UserError(
            f"dataset=ncaltech101: {shown(folder / ARCHIVE.holds)} has {len(classes)} folders of classes; at least 2 "
            "are needed, put the data set there"
        )
    listed = by_class(folder / ARCHIVE.holds, classes, ".bin")
    note_if_incomplete(place, folder, len(listed), COUNT)
    every = converted_files(place, folder, "all", listed, FORMAT, binning)
    kept, chosen = share_of(every.labels, test, split_seed, "dataset.test")
    return hold_out(
        "ncaltech101",
        part_of(every, kept),
        part_of(every, chosen),
        classes,
        validation=validation,
        split_seed=split_seed,
        scale=1.0,
    )


def source() -> Packed:
    """Return place and origin of the set."""
    return Packed("ncaltech101", "NCALTECH101", (ARCHIVE.holds,), (ARCHIVE,), PAGE)
