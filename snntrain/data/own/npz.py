"""Named arrays of an .npz file, read without pickles and without trusting the numbers in it."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from snntrain.errors import UserError, first_line
from snntrain.files import bounded
from snntrain.files.paths import shown

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]
HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], Header]] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}
MOST_DIMENSIONS = 5


class _Unusable(Exception):
    """An array cannot be read; the message says why."""


def read(path: Path, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays with these names; others are not read, and missing ones are left out.

    Raises:
        UserError: the file cannot be read, is damaged or is not .npz, or an array holds Python objects or needs more
            memory than the machine has.
    """
    try:
        with bounded.open_regular(path) as file, zipfile.ZipFile(file) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            wanted = {name: members[name] for name in names if name in members}
            if (size := sum(member.file_size for member in wanted.values())) > bounded.memory():
                raise _Unusable(
                    f"its arrays need {size / 1e9:,.0f} GB, and the machine has {bounded.memory() / 1e9:,.0f}"
                )
            arrays = {}
            for name, member in wanted.items():
                with archive.open(member) as content:
                    arrays[name] = _array(content, member.file_size, name)
            return arrays
    except FileNotFoundError:
        raise UserError(f"dataset.file={path}: there is no such file; numpy.savez writes one") from None
    except OSError as error:
        raise UserError(f"dataset.file={path}: cannot be read ({error.strerror or error}); make it readable") from error
    except (_Unusable, bounded.Refused) as error:
        raise UserError(f"{shown(path)}: {error}; write it again with numpy.savez") from error
    except MemoryError:
        raise
    except Exception as error:  # Damaged bytes may raise anything.
        reason = first_line(error) or type(error).__name__
        raise UserError(
            f"{shown(path)}: is not a complete .npz file ({reason:.100}); write it again with numpy.savez"
        ) from error


def _array(content: IO[bytes], size: int, name: str) -> NDArray[Any]:
    """Return the array in `size` bytes; nothing is allocated before its header is compared with them."""
    with warnings.catch_warnings(action="ignore"):
        version = npy.read_magic(content)
        if version not in HEADERS:
            raise _Unusable(f"{name} is in format {version} of NumPy")
        shape, by_columns, kind = HEADERS[version](content)
    if kind.hasobject:
        raise _Unusable(f"{name} holds Python objects, which are never loaded: give numbers, or texts of dtype str")
    if len(shape) > MOST_DIMENSIONS or kind.subdtype is not None or kind.names is not None:
        raise _Unusable(f"{name} has the shape {list(shape)} of {kind}, which no data set has")
    length = math.prod(shape) * kind.itemsize
    if min(shape, default=0) < 0 or length != size - content.tell():
        raise _Unusable(f"the header of {name} promises {length:,} bytes, and {size - content.tell():,} follow")
    buffer = bytearray(length)
    rest = memoryview(buffer)
    while rest and (count := content.readinto(rest)):  # type: ignore[attr-defined]
        rest = rest[count:]
    if rest:
        raise _Unusable(f"{name} ends too early")
    # A writable buffer: torch warns of others.
    return np.frombuffer(buffer, kind).reshape(shape, order="F" if by_columns else "C")
