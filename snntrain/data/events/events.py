"""A recording: events of a sensor, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snntrain.errors import UserError
from snntrain.files.paths import shown


class BadRecording(UserError):
    """A file of events cannot be read as its format says; the message names the file and the byte.

    Args:
        path: the file.
        reason: what is wrong.
        byte: offset of the wrong bytes in the file; None if there is no single place.
    """

    def __init__(self, path: Path, reason: str, byte: int | None = None) -> None:
        self.path, self.reason, self.byte = path, reason, byte
        super().__init__(f"{shown(path)}{'' if byte is None else f', byte {byte}'}: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the parts when the error is pickled for another process."""
        return type(self), (self.path, self.reason, self.byte)


@dataclass(frozen=True)
class Sensor:
    """The grid of a sensor: rows and columns of pixels, each with OFF and ON events.

    A sensor without a second direction, like the 700 units of a cochlea, has height 1 and one polarity.
    """

    height: int
    width: int
    polarities: int = 2


# The sensor of CIFAR10-DVS and DVS128 Gesture.
DVS128 = Sensor(128, 128)


@dataclass(frozen=True)
class Events:
    """The events of one recording.

    Args:
        x, y: column and row, from the left and from the top, uint16 `[n]`.
        t: time in microseconds, never decreasing, int64 `[n]`.
        p: polarity, 1 for ON (brighter) and 0 for OFF, uint8 `[n]`.
        source: the file of the recording, for messages; None if it is not from a file.

    Raises:
        ValueError: wrong types, or different lengths.
    """

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    t: NDArray[np.int64]
    p: NDArray[np.uint8]
    source: Path | None = None

    def __post_init__(self) -> None:
        kinds = {"x": np.uint16, "y": np.uint16, "t": np.int64, "p": np.uint8}
        for name, kind in kinds.items():
            array = getattr(self, name)
            if array.dtype != kind or array.shape != self.t.shape or array.ndim != 1:
                raise ValueError(f"{name} must be {np.dtype(kind)} [{len(self.t)}], not {array.dtype} {array.shape}")

    def __len__(self) -> int:
        return len(self.t)
