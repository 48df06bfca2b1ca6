"""Recordings of random frames, some of which fail, and the cache of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.data.cache import CachedSplit, converted
from snntrain.data.events.events import BadRecording


@dataclass(frozen=True)
class Noise:
    """A recording of random bytes, always the same for one seed."""

    seed: int
    shape: tuple[int, ...] = (3, 2, 4, 5)

    @property
    def label(self) -> int:
        return self.seed % 3

    def read(self) -> NDArray[np.uint8]:
        return np.random.default_rng(self.seed).integers(0, 256, self.shape, dtype=np.uint8)


@dataclass(frozen=True)
class Bad(Noise):
    """A recording that cannot be read."""

    def read(self) -> NDArray[np.uint8]:
        raise BadRecording(Path(f"{self.seed}.bin"), "it ends within an event", 7)


@dataclass(frozen=True)
class Deadly(Noise):
    """A recording that ends its process."""

    def read(self) -> NDArray[np.uint8]:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")


@dataclass(frozen=True)
class Counted(Noise):
    """A recording that leaves a line in a file each time it is read, and may take its time."""

    into: Path = Path()
    seconds: float = 0.0

    def read(self) -> NDArray[np.uint8]:
        time.sleep(self.seconds)
        with self.into.open("a") as file:
            file.write(f"{self.seed}\n")
        return super().read()


def ragged(count: int, rest: tuple[int, ...] = (2, 4, 5)) -> list[Noise]:
    """Return recordings of 1 to 4 frames."""
    return [Noise(seed, (1 + seed % 4, *rest)) for seed in range(count)]


def skip_bad(error: Exception) -> bool:
    return isinstance(error, BadRecording)


def cached(root: Path, recordings: Sequence[Any], **given: Any) -> CachedSplit:
    """Return the split of a cache below `root`, which is converted in this process if no workers are given."""
    settings: dict[str, Any] = {"name": "noise", "part": "train", "key": {"T": 3}, "sources": [], "workers": 0}
    return converted(recordings, root=root, **settings | given)


def padded(recordings: Sequence[Noise]) -> Tensor:
    """Return the samples as a split has them, computed without the cache."""
    samples = [torch.from_numpy(recording.read()) for recording in recordings]
    longest = max(len(sample) for sample in samples)
    whole = torch.zeros(len(samples), longest, *samples[0].shape[1:], dtype=torch.uint8)
    for row, sample in enumerate(samples):
        whole[row, : len(sample)] = sample
    return whole


def files(root: Path) -> list[str]:
    """Return the names in the folder of the caches."""
    return sorted(path.name for path in (root / ".snntrain-cache").glob("*"))


def only_file(root: Path) -> Path:
    (path,) = (root / ".snntrain-cache").iterdir()
    return path
