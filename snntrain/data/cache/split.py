"""A split in a cache: samples are read from the file when they are asked for.

The file is read by `pread`, not mapped: a mapped file that somebody truncates ends the process with SIGBUS, and the
pages of a mapped file count as memory of the process, so that a set larger than a memory limit could not be streamed.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.data.cache import layout
from snntrain.data.cache.layout import START, Index, Skipped
from snntrain.errors import RunFailed
from snntrain.files.folder import Folder
from snntrain.files.paths import shown


class CachedSplit:
    """The samples of a cache, as a `Split`; sequences of different length are padded with zeros to the longest.

    It is sent to worker processes without its samples; each of them opens the file again.

    Args:
        folder: the folder of the caches.
        name: the name of the file.

    Raises:
        Unusable: the file is not a complete cache of this version.
        OSError: it cannot be read.
    """

    def __init__(self, folder: Folder, name: str) -> None:
        self.folder, self.name = folder, name
        self._file: IO[bytes] | None = folder.read(name)
        try:
            self.index: Index = layout.read(self._file.fileno())
        except BaseException:
            self._file.close()
            raise
        self._prepare()

    def _prepare(self) -> None:
        index = self.index
        self.labels = torch.from_numpy(index.labels)
        self._sizes: NDArray[np.int64] = index.lengths * index.frame_bytes
        self._places: NDArray[np.int64] = START + np.cumsum(self._sizes) - self._sizes
        longest = int(index.lengths.max())
        self.shape = (longest, *index.shape) if index.is_sequence else index.shape
        is_ragged = int(index.lengths.min()) != longest
        self.lengths: Tensor | None = torch.from_numpy(index.lengths) if is_ragged else None

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder.path / self.name

    @property
    def nbytes(self) -> int:
        """The bytes of all samples in the file, without padding."""
        return self.index.data_bytes

    @property
    def rows(self) -> Tensor:
        """The index of each sample among the recordings, int64 `[N]`: recordings that were left out are missing."""
        return torch.from_numpy(self.index.rows)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The recordings that were left out."""
        return self.index.skipped

    @property
    def checksums(self) -> Tensor:
        """The CRC-32 of the bytes of each sample, int64 `[N]`."""
        return torch.from_numpy(self.index.checksums.astype(np.int64))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: int) -> Tensor:
        # A range knows negative indices, and raises IndexError beyond the end.
        return self.stack([range(len(self))[index]])[0]

    def stack(self, rows: Sequence[int]) -> Tensor:
        """Return some samples as one tensor, uint8 `[N, T, C, H, W]`, `[N, T, units]` or `[N, C, H, W]`.

        Raises:
            RunFailed: the file was damaged or removed since it was opened.
        """
        samples = torch.empty((len(rows), *self.shape), dtype=torch.uint8)
        into = samples.numpy().reshape(len(rows), math.prod(self.shape))
        file = self._opened()
        # In the order of the file, so that the disk reads ahead.
        for place, row in sorted(enumerate(rows), key=lambda pair: pair[1]):
            size = int(self._sizes[row])
            self._read(file, row, into[place, :size])
            into[place, size:] = 0
        return samples

    def _read(self, file: int, row: int, into: NDArray[np.uint8]) -> None:
        """Fill the array with the bytes of a sample."""
        content, place = into.data, int(self._places[row])
        done = 0
        try:
            while done < len(content) and (read := os.preadv(file, [content[done:]], place + done)):
                done += read
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        if done < len(content) or zlib.crc32(content) != self.index.checksums[row]:
            raise self._lost(f"sample {row} is damaged")

    def _opened(self) -> int:
        """Return the descriptor of the file; a process that has got this split opens the file first."""
        if self._file is None:
            try:
                self._file = self.folder.read(self.name)
            except OSError as error:
                raise self._lost(error.strerror or str(error)) from error
        return self._file.fileno()

    def _lost(self, reason: str) -> RunFailed:
        return RunFailed(
            f"{shown(self.path)}: the converted recordings cannot be read ({reason}); delete the file, and give the "
            "command again: they are converted anew"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "name": self.name, "index": self.index}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _file=None)
        self._prepare()
