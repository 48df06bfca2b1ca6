"""A data set that is converted into a cache: the embedded digits as sequences of different length, in a file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "recordings.npz"
# With two workers the conversion takes a second.
SECONDS_PER_RECORDING = 0.004
COUNTS = {"train": 360, "test": 90}
LONGEST = 4
WORKERS = 2


@dataclass(frozen=True)
class Recording:
    """A digit that appears `label + 1` rows at a time, `length` frames long."""

    pixels: NDArray[np.uint8]
    label: int
    length: int

    def read(self) -> NDArray[np.uint8]:
        """Return the frames, `[T, 1, 8, 8]`."""
        time.sleep(SECONDS_PER_RECORDING)
        frames = np.repeat(self.pixels[None, None], self.length, axis=0)
        for step in range(self.length):
            frames[step, 0, : 8 * step // LONGEST] = 0
        return frames


def write(root: Path) -> None:
    """Write the file of the recordings below a data root."""
    from snntrain.data import digits

    data = digits.load()
    root.mkdir()
    arrays: dict[str, Any] = {}
    for part, split in (("train", data.train), ("test", data.test)):
        arrays[f"{part}_pixels"] = np.stack([split[index][0].numpy() for index in range(COUNTS[part])])
        arrays[f"{part}_labels"] = split.labels[: COUNTS[part]].numpy()
    np.savez(root / FILE, **arrays)


def load(root: str, validation: float = 0.1, split_seed: int = 0) -> object:
    """Return the data set of the recordings in `root`; the command line calls this."""
    from snntrain.data.cache import converted
    from snntrain.data.dataset import hold_out

    path = Path(root) / FILE
    splits = []
    with np.load(path, allow_pickle=False) as arrays:
        for part in COUNTS:
            pixels, labels = arrays[f"{part}_pixels"], arrays[f"{part}_labels"]
            recordings = [
                Recording(image, int(label), 1 + index % LONGEST)
                for index, (image, label) in enumerate(zip(pixels, labels, strict=True))
            ]
            splits.append(
                converted(
                    recordings,
                    name="recordings",
                    part=part,
                    key={"longest": LONGEST},
                    sources=[path],
                    root=Path(root),
                    workers=WORKERS,
                )
            )
    train, test = splits
    names = tuple(map(str, range(10)))
    return hold_out("recordings", train, test, names, validation=validation, split_seed=split_seed, scale=16.0)
