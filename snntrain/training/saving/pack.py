"""The archive of a checkpoint, as torch.load reads it, written without blocking other threads.

torch.save holds the interpreter's lock while it computes the checksums of the archive: 0.11 s for 264 MB, during which
the training thread cannot launch work on a GPU. zlib releases the lock; the rest takes 0.015 s. As Python does the
writing, an error of the disk keeps its class, and the writing can end between two parts.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
import zipfile
from typing import IO, Any, Protocol, cast

import torch
from torch import Tensor, UntypedStorage
from torch.storage import TypedStorage

# torch's format: the protocol of its pickle, its version, and the alignment of a storage.
PROTOCOL = 2
VERSION = b"3\n"
ALIGNMENT = 64
FOLDER = "archive"
# Number of bytes that are written at once; between two parts the thread can end.
PART = 4 * 2**20
# Bytes before the name of an entry; the header of an extra field, and its number in torch's format.
HEADER = 30
EXTRA = struct.Struct("<HH")
PADDING = 0x4246


class Sink(Protocol):
    """A receiver of the bytes of an archive, in order; `size` is their number so far."""

    @property
    def size(self) -> int: ...

    def write(self, content: Any) -> int: ...

    def flush(self) -> None: ...


def pack(sink: Sink, state: dict[str, Any]) -> None:
    """Write a state of plain values and tensors into a new archive.

    Raises:
        OSError: the sink has raised it.
    """
    pickled = io.BytesIO()
    pickler = _Pickler(pickled)
    pickler.dump(state)
    # A sink cannot seek: sizes and checksums follow the entries, and appear again in the directory at the end.
    with zipfile.ZipFile(cast(IO[bytes], sink), "w") as archive:
        _add(archive, sink, "data.pkl", pickled.getbuffer())
        _add(archive, sink, "byteorder", memoryview(sys.byteorder.encode()))
        for key, storage in pickler.storages.items():
            _add(archive, sink, f"data/{key}", as_bytes(storage).cpu().numpy().data)
        _add(archive, sink, "version", memoryview(VERSION))


def as_bytes(storage: UntypedStorage) -> Tensor:
    """Return the memory of a storage as a tensor of bytes."""
    return torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)


class _Pickler(pickle.Pickler):
    """A pickler that collects the storages of tensors in `storages`, by their names in the archive."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, PROTOCOL)
        self.storages: dict[str, UntypedStorage] = {}
        self._names: dict[int, str] = {}

    def persistent_id(self, value: Any) -> tuple[str, type, str, str, int] | None:
        if not isinstance(value, TypedStorage):
            return None
        storage = value._untyped_storage
        name = self._names.setdefault(storage._cdata, str(len(self._names)))
        self.storages[name] = storage
        return "storage", getattr(torch, value._pickle_storage_type()), name, "cpu", value._size()


def _add(archive: zipfile.ZipFile, sink: Sink, name: str, content: memoryview) -> None:
    entry = zipfile.ZipInfo(f"{FOLDER}/{name}")
    entry.file_size = len(content)
    missing = -(sink.size + HEADER + len(entry.filename) + EXTRA.size) % ALIGNMENT
    entry.extra = EXTRA.pack(PADDING, missing) + bytes(missing)
    with archive.open(entry, "w") as file:
        for begin in range(0, len(content), PART):
            file.write(content[begin : begin + PART])
