"""All bad files by format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snntrain.data.events.readers import aedat2, aedat31, arrays, arrays_h5, atis, formats, gesture_npy
from snntrain.data.events.readers.spikes_h5 import SpikeFile
from tests.data.events.bad_files.arrays import ARRAYS, GESTURE
from tests.data.events.bad_files.bad import Bad
from tests.data.events.bad_files.cameras import AEDAT2, AEDAT31, ATIS, SENSOR
from tests.data.events.bad_files.hdf5 import HDF5, SPIKES

FORMATS = {
    "a.mat": Bad(b"", "it has the suffix .mat, not one of .bin, .aedat, .npz, .npy, .h5, .hdf5; name dataset.format"),
    "a": Bad(b"", "it has no suffix, not one of .bin, .aedat, .npz, .npy, .h5, .hdf5; name dataset.format"),
    "four.aedat": Bad(b"#!AER-DAT4.0\r\n", "it is AEDAT 4.0; AEDAT 2.0 and 3.1 can be read, save it as one of them", 0),
    "none.aedat": Bad(
        b"", "it does not begin with #!AER-DAT; AEDAT 2.0 and 3.1 can be read, save it as one of them", 0
    ),
}


# By format: how a file of it is read, and the files.
TABLE: dict[str, tuple[Callable[[Path], object], dict[str, Bad]]] = {
    "atis": (lambda path: atis.read(path, SENSOR), ATIS),
    "aedat2": (aedat2.read, AEDAT2),
    "aedat31": (aedat31.read, AEDAT31),
    "gesture_npy": (gesture_npy.read, GESTURE),
    "arrays": (arrays.read, ARRAYS),
    "arrays_h5": (arrays_h5.read, HDF5),
    "spikes_h5": (lambda path: SpikeFile(path)[0], SPIKES),
    "auto": (lambda path: formats.read(path, SENSOR), FORMATS),
}
NEED_H5PY = ("arrays_h5", "spikes_h5")
CASES = [(name, file) for name, (_, files) in TABLE.items() for file in files]
