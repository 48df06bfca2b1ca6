"""The bytes of a cache: a head of fixed size, the samples one after the other, and an index at the end.

    0      head: magic, version, place and size of the index, number of samples, SHA-256 of these and of the index
    4096   samples: uint8, in order, without padding; sequences are frame after frame
    …      index: the length of a text in JSON, the text, then arrays with one number per sample

The head is written last, so a file without it was not completed. Every number is checked against the size of the file
before anything is allocated: the file may come from a stranger.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x89SNNFRM\n"
VERSION = 1
# Samples begin on a page of their own.
START = 4096
HEAD = struct.Struct("<8sIIQQQ32s")
TEXT = struct.Struct("<Q")
# The index of a million samples has 30 MB.
MOST_INDEX = 2**31
# Letters of the JSON text: the reasons of recordings that were left out.
MOST_TEXT = 2**26
MOST_DIMENSIONS = 4
ARRAYS = (("labels", "<i8"), ("lengths", "<i8"), ("rows", "<i8"), ("checksums", "<u4"))
BYTES_PER_SAMPLE = sum(np.dtype(kind).itemsize for _, kind in ARRAYS)


class Unusable(Exception):
    """A file is not a complete cache of this version; the message says why."""


@dataclass(frozen=True)
class Skipped:
    """A recording that was left out: its index, and the reason."""

    row: int
    reason: str


@dataclass(frozen=True)
class Index:
    """The content of a cache, apart from the samples.

    Args:
        digest: the hash of its identity.
        is_sequence: whether the first dimension of a sample is time; else all samples are images.
        shape: shape of one frame of a sequence, or of an image.
        labels: class of each sample, int64 `[N]`.
        lengths: frames of each sample, int64 `[N]`; 1 for images.
        rows: the index of each sample among the recordings, int64 `[N]`, ascending.
        checksums: CRC-32 of the bytes of each sample, uint32 `[N]`.
        skipped: the recordings that were left out.
    """

    digest: str
    is_sequence: bool
    shape: tuple[int, ...]
    labels: NDArray[np.int64]
    lengths: NDArray[np.int64]
    rows: NDArray[np.int64]
    checksums: NDArray[np.uint32]
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def frame_bytes(self) -> int:
        """The bytes of one frame, or of an image."""
        return math.prod(self.shape)

    @property
    def data_bytes(self) -> int:
        """The bytes of all samples."""
        return int(self.lengths.sum()) * self.frame_bytes


def encoded(index: Index) -> bytes:
    """Return the bytes of an index."""
    text = json.dumps(
        {
            "digest": index.digest,
            "is_sequence": index.is_sequence,
            "shape": index.shape,
            "skipped": [[skipped.row, skipped.reason] for skipped in index.skipped],
        }
    ).encode()
    arrays = [np.ascontiguousarray(getattr(index, name), kind).tobytes() for name, kind in ARRAYS]
    return b"".join([TEXT.pack(len(text)), text, *arrays])


def head(index: Index, content: bytes) -> bytes:
    """Return the head of a file with this index, of which `content` are the bytes."""
    known = (MAGIC, VERSION, 0, START + index.data_bytes, len(content), len(index))
    return HEAD.pack(*known, _checksum(known, content))


def read(file: int) -> Index:
    """Return the index of a cache.

    Args:
        file: a descriptor of the file.

    Raises:
        Unusable: it is not a complete cache of this version.
        OSError: it cannot be read.
    """
    size = os.fstat(file).st_size
    found = os.pread(file, HEAD.size, 0)
    if len(found) < HEAD.size or found[: len(MAGIC)] != MAGIC:
        raise Unusable("it was not completed" if not any(found) else "it is not a cache")
    *known, checksum = HEAD.unpack(found)
    _, version, _, place, length, count = known
    if version != VERSION:
        raise Unusable(f"it has version {version} of the format, not {VERSION}")
    if place < START or place + length != size:
        raise Unusable(f"it has {size:,} bytes, and should have {place + length:,}")
    if length > MOST_INDEX or count * BYTES_PER_SAMPLE > length:
        raise Unusable("its index does not fit its size")
    content = os.pread(file, length, place)
    if len(content) != length or _checksum(tuple(known), content) != checksum:
        raise Unusable("its index is damaged")
    return _decoded(content, count, place - START)


def _decoded(content: bytes, count: int, data_bytes: int) -> Index:
    """Return the index in these bytes; its samples have `data_bytes` bytes in all."""
    length = len(content) - count * BYTES_PER_SAMPLE - TEXT.size
    if length < 0 or length > MOST_TEXT or TEXT.unpack_from(content) != (length,):
        raise Unusable("its index is damaged")
    try:
        text = json.loads(content[TEXT.size : TEXT.size + length])
        arrays, place = {}, TEXT.size + length
        for name, kind in ARRAYS:
            arrays[name] = np.frombuffer(content, kind, count, place).astype(np.dtype(kind).newbyteorder("="))
            place += arrays[name].nbytes
        skipped = tuple(Skipped(_number(row), _text(reason)) for row, reason in text["skipped"])
        shape = tuple(_number(side) for side in text["shape"])
        index = Index(_text(text["digest"]), text["is_sequence"] is True, shape, skipped=skipped, **arrays)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unusable("its index is damaged") from error
    _check(index, data_bytes)
    return index


def _check(index: Index, data_bytes: int) -> None:
    """Check that all samples have their place in the file: no number leads outside, or to more memory than it has."""
    if not len(index) or not 1 <= len(index.shape) <= MOST_DIMENSIONS or min(index.shape) < 1:
        raise Unusable("its shapes cannot be used")
    # The last condition keeps the sum of the lengths below 2^62: a file of holes may claim any size.
    most = data_bytes // index.frame_bytes
    if index.lengths.min() < 1 or int(index.lengths.max()) > most or most * len(index) >= 2**62:
        raise Unusable("its lengths do not fit its size")
    if index.data_bytes != data_bytes or (not index.is_sequence and index.lengths.max() > 1):
        raise Unusable("its lengths do not fit its size")
    if index.rows.min() < 0 or (np.diff(index.rows) <= 0).any():
        raise Unusable("its samples are not in order")


def _checksum(known: tuple[Any, ...], content: bytes) -> bytes:
    digest = hashlib.sha256(repr(known).encode())
    digest.update(content)
    return digest.digest()


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**40:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value
