"""Arrays of .npy files and of the members of .npz files, read without pickles and without trusting their headers.

`numpy.load` allocates what a header promises before it reads; here the header is compared with the bytes that exist.
"""

from __future__ import annotations

import math
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from snntrain.data.events.checks import AGAIN
from snntrain.data.events.events import BadRecording
from snntrain.data.events.readers.content import MOST_BYTES, reported
from snntrain.errors import first_line
from snntrain.files import bounded

NPY, NPZ = b"\x93NUMPY", b"PK"
HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}
# An archive of events has four arrays; one with labels and times of triggers has a few more.
MOST_ARRAYS = 100


def load_npy(path: Path) -> tuple[NDArray[Any], int]:
    """Return the array of an .npy file, with one or two dimensions, and the byte at which its data begin.

    Raises:
        BadRecording: the file cannot be read, is not an .npy file, is truncated, or holds Python objects.
    """
    with reported(path), bounded.open_regular(path, MOST_BYTES) as file:
        return _array(path, file, os.fstat(file.fileno()).st_size, "it", alone=True)


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz file by name, each with one or two dimensions.

    Raises:
        BadRecording: as `load_npy`, for the archive or for one of its arrays.
    """
    with reported(path), bounded.open_regular(path, MOST_BYTES) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return _members(path, archive)
        except (BadRecording, OSError):
            raise
        except Exception as error:  # Damaged bytes may raise anything.
            reason = first_line(error) or type(error).__name__
            raise BadRecording(path, f"it is not a complete .npz file ({reason}); {AGAIN}") from error


def starts_with(path: Path, most: int = 8) -> bytes:
    """Return the first bytes of a file.

    Raises:
        BadRecording: the file cannot be read.
    """
    with reported(path), bounded.open_regular(path) as file:
        return file.read(most)


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    listed = [member for member in archive.infolist() if member.filename.endswith(".npy")]
    if len(listed) > MOST_ARRAYS:
        raise BadRecording(path, f"it has {len(listed):,} arrays, more than {MOST_ARRAYS}; save x, y, t and p only")
    size = sum(member.file_size for member in listed)
    if size > MOST_BYTES:
        raise BadRecording(path, f"it unpacks to {size / 1e6:,.0f} MB, more than {MOST_BYTES / 1e6:,.0f}; cut it")
    arrays = {}
    for member in listed:
        with archive.open(member) as file:
            name = member.filename.removesuffix(".npy")
            arrays[name], _ = _array(path, file, member.file_size, f"its array {name}")
    return arrays


def _array(path: Path, file: IO[bytes], size: int, what: str, *, alone: bool = False) -> tuple[NDArray[Any], int]:
    """Return the array of an open file of `size` bytes, and the byte at which its data begin.

    Messages name a byte only if the array is `alone` in its file.
    """

    def bad(reason: str, byte: int) -> BadRecording:
        return BadRecording(path, f"{what} {reason}", byte if alone else None)

    try:
        with warnings.catch_warnings(action="ignore"):
            version = npy_format.read_magic(file)
            shape, by_columns, kind = HEADERS[version](file)
    except OSError:
        raise
    except KeyError:
        raise bad(f"is in the format of NumPy {version}, not 1.0 or 2.0; save it anew", 6) from None
    except Exception as error:  # Damaged bytes may raise anything.
        reason = first_line(error) or type(error).__name__
        raise bad(f"has a damaged header ({reason:.100}); {AGAIN}", 0) from error
    start = file.tell()
    if kind.hasobject:
        raise bad("holds Python objects, which are never loaded; save numbers", start)
    if len(shape) not in (1, 2) or min(shape) < 0 or kind.subdtype is not None or not kind.itemsize:
        raise bad(f"has the shape {list(shape)} of {kind}; save one array per column", start)
    length = math.prod(shape) * kind.itemsize
    if length != size - start:
        raise bad(f"should have {length:,} bytes after its header, but has {size - start:,}; {AGAIN}", start)
    data = file.read(length)
    if len(data) != length:
        raise bad(f"ends after {len(data):,} of {length:,} bytes; {AGAIN}", start)
    return np.frombuffer(data, kind).reshape(shape, order="F" if by_columns else "C"), start
