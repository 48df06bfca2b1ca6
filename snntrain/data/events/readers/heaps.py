"""The global heaps of an HDF5 file, which hold the rows of ragged data sets.

In a heap with an entry of no size, as in one that ends in zeros after a power failure, HDF5 2.0 looks for the next
entry for ever. So the entries are walked before HDF5 reads them.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from snntrain.data.events.checks import AGAIN
from snntrain.data.events.events import BadRecording
from snntrain.data.events.readers.content import reported
from snntrain.files import bounded

# A heap begins with these bytes and its size; an entry with its index, references, 4 bytes and its size. The entry 0
# is free space, whose size includes these 16 bytes.
BEGINS = b"GCOL\x01\x00\x00\x00"
HEAD, ENTRY = struct.Struct("<8sQ"), struct.Struct("<HHIQ")


def check_heaps(path: Path) -> None:
    """Check that no entry of a global heap of an HDF5 file has no size; HDF5 itself finds all other damage.

    Raises:
        BadRecording: one has.

    Source: The HDF Group, "HDF5 File Format Specification", section III.E.
    """
    with (
        reported(path),
        bounded.open_regular(path) as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        start = content.find(BEGINS)
        while start >= 0:
            _check_heap(path, content, start)
            start = content.find(BEGINS, start + len(BEGINS))


def _check_heap(path: Path, content: mmap.mmap, start: int) -> None:
    if start + HEAD.size > len(content):
        return
    end = min(start + HEAD.unpack_from(content, start)[1], len(content))
    at = start + HEAD.size
    while at + ENTRY.size <= end:
        index, _, _, length = ENTRY.unpack_from(content, at)
        if not index and not length:
            raise BadRecording(path, f"an entry of its heap has no size; {AGAIN}", at)
        at += ENTRY.size + -(-length // 8) * 8 if index else length
