"""What is converted: the recording of one sample, which is read when it is asked for."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Recording(Protocol):
    """One sample of a data set. It is sent to a worker process, so it must be picklable, and small until it is read."""

    @property
    def label(self) -> int:
        """Return the class."""

    def read(self) -> NDArray[np.uint8]:
        """Return the sample: frames `[T, C, H, W]` or `[T, units]`, or an image `[C, H, W]`.

        All recordings of a split have the same shape, apart from T.
        """
