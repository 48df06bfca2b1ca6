"""Writes a cache, whole or not at all: under a name of its own until it is complete."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

import numpy as np
from numpy.typing import NDArray

from snntrain.data.cache import layout, turn
from snntrain.data.cache.identity import Identity
from snntrain.data.cache.layout import Index, Skipped
from snntrain.files import whole
from snntrain.files.folder import Folder

TEMPORARY = ".tmp"
# A file of another machine, the locks of which may not be seen here, counts as left behind after this time.
SECONDS_OF_OTHERS = 86_400.0
# The file of another part is locked a moment after it is made.
SECONDS_UNTIL_LOCKED = 60.0


class Writer:
    """Takes samples one after the other, and writes them into an open file.

    Args:
        file: a new file.
        identity: the identity of the cache.

    Attributes:
        shape: shape of a frame, or of an image; None before the first sample.
        skipped: the recordings that are left out.
        written, smallest: bytes of all samples so far, and of the smallest.
    """

    def __init__(self, file: IO[bytes], identity: Identity) -> None:
        self.file, self.identity = file, identity
        self.shape: tuple[int, ...] | None = None
        self.skipped: list[Skipped] = []
        self.written = self.smallest = 0
        self._is_sequence = False
        self._rows: list[tuple[int, int, int, int]] = []
        file.write(bytes(layout.START))

    def add(self, row: int, label: int, sample: NDArray[np.uint8]) -> None:
        """Write the sample of recording `row`.

        Raises:
            ValueError: its type or its shape is not as `Recording.read` describes, or not as that of the first.
            OSError: it cannot be written.
        """
        if sample.dtype != np.uint8 or sample.ndim not in (2, 3, 4) or not sample.size:
            raise ValueError(
                "a sample must be uint8 [T, C, H, W], [T, units] or [C, H, W], and not empty, "
                f"not {sample.dtype} {list(sample.shape)}"
            )
        is_sequence = sample.ndim != 3
        shape, length = (sample.shape[1:], len(sample)) if is_sequence else (sample.shape, 1)
        if self.shape is None:
            self.shape, self._is_sequence = shape, is_sequence
        if shape != self.shape or is_sequence != self._is_sequence:
            raise ValueError(f"a sample of shape {list(sample.shape)} after others of {_named(self)}")
        content = np.ascontiguousarray(sample).data.cast("B")
        self.file.write(content)
        self._rows.append((label, length, row, zlib.crc32(content)))
        self.written += len(content)
        self.smallest = min(self.smallest or len(content), len(content))

    def skip(self, row: int, reason: str) -> None:
        """Record that a recording is left out."""
        self.skipped.append(Skipped(row, reason))

    def __len__(self) -> int:
        return len(self._rows)

    def finish(self) -> None:
        """Write the index and the head.

        Raises:
            OSError: they cannot be written.
        """
        assert self.shape is not None
        labels, lengths, rows, checksums = np.array(self._rows, np.int64).T
        index = Index(
            self.identity.digest,
            self._is_sequence,
            self.shape,
            labels,
            lengths,
            rows,
            checksums.astype(np.uint32),
            tuple(self.skipped),
        )
        content = layout.encoded(index)
        self.file.write(content)
        self.file.seek(0)
        self.file.write(layout.head(index, content))


@contextmanager
def writing(folder: Folder, identity: Identity) -> Iterator[Writer]:
    """Yield a writer; the file gets its name when the block ends, and is deleted if the block raises.

    Raises:
        OSError: it cannot be written.
    """
    # A name of its own: two processes may write the same cache where there are no locks.
    name = f"{identity.stem}.{_host()}-{os.urandom(4).hex()}"
    with whole.beside(folder, name) as file:
        turn.mark(file.fileno())
        writer = Writer(file, identity)
        yield writer
        writer.finish()
    try:
        folder.rename(whole.temporary(name), identity.file)
    except OSError:
        with suppress(OSError):
            folder.remove(whole.temporary(name))
        raise
    folder.sync()


def left_behind(folder: Folder, own: str | None = None) -> Iterator[str]:
    """Yield the temporary files that no process writes any more.

    Args:
        folder: the folder of the caches.
        own: the stem of a cache of which this process has the turn; None for none.
    """
    for name in folder.names():
        if not name.endswith(TEMPORARY) or folder.kind(name) != stat.S_IFREG:
            continue
        age = _age(folder, name)
        if f".{_host()}-" in name:
            is_own = own is not None and name.startswith(f"{own}.")
            dead = not turn.is_marked(folder, name) and (is_own or age > SECONDS_UNTIL_LOCKED)
        else:
            dead = age > SECONDS_OF_OTHERS
        if dead:
            yield name


def _age(folder: Folder, name: str) -> float:
    """Return the seconds since a file was written; 0 if it is gone."""
    try:
        with folder.descriptor() as here:
            return time.time() - os.stat(name, dir_fd=here, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return 0.0


def _host() -> str:
    """Return letters for this machine, in the name of a file."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _named(writer: Writer) -> str:
    assert writer.shape is not None
    sides = ", ".join(map(str, writer.shape))
    return f"[T, {sides}]" if writer._is_sequence else f"[{sides}]"
