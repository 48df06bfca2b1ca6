"""The IDX format of the MNIST family: a magic number, big-endian sizes, then the bytes."""

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.data.source import ANOTHER_WAY
from snntrain.errors import UserError
from snntrain.files.bounded import Refused, open_regular

# A small gzip file can unpack to any size; the largest set of the family, EMNIST by class, has 0.55 GB.
MOST_BYTES = 2**31
AT_A_TIME = 2**20


def read_idx(path: Path, ndim: int) -> Tensor:
    """Return the unsigned bytes of an IDX file as a uint8 tensor with `ndim` dimensions (images 3, labels 1).

    The magic number is 0, 0, the element type (8: unsigned byte), the number of dimensions (Y. LeCun, "The MNIST
    database"). If the file does not exist, <name>.gz is read.

    Raises:
        UserError: the file cannot be read, or its magic number or its size is wrong.
    """
    gzipped = path.with_name(f"{path.name}.gz")
    if not path.exists() and gzipped.exists():
        path = gzipped
    try:
        with open_regular(path, MOST_BYTES) as file:
            content = _unzipped(file) if path == gzipped else np.fromfile(file, np.uint8, count=_size(file))
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise damaged(path, f"it is not a complete gzip file ({error})") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; make it readable, or {ANOTHER_WAY}") from error
    except Refused as error:
        raise damaged(path, str(error)) from error
    magic, start = bytes((0, 0, 8, ndim)), 4 + 4 * ndim
    if len(content) < start or content[:4].tobytes() != magic:
        found = content[:4].tobytes().hex() or "nothing"
        raise damaged(path, f"it should begin with the bytes {magic.hex()}, not {found}")
    shape = content[4:start].view(">u4").tolist()
    if 0 in shape[1:]:
        raise damaged(path, f"its images have {'x'.join(map(str, shape[1:]))} pixels")
    if len(content) - start != math.prod(shape):
        sizes = "x".join(map(str, shape))
        raise damaged(path, f"its header promises {sizes} bytes, it holds {len(content) - start}")
    return torch.from_numpy(content[start:].reshape(shape))


def _unzipped(file: BinaryIO) -> NDArray[np.uint8]:
    """Return the bytes of a gzip file, but not much more than `MOST_BYTES`."""
    content = bytearray()
    with gzip.GzipFile(fileobj=file) as unzipped:
        while len(content) < MOST_BYTES and (part := unzipped.read(AT_A_TIME)):
            content += part
    return np.frombuffer(content, np.uint8)


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def read_pair(images: Path, labels: Path, first_label: int, classes: int) -> tuple[Tensor, Tensor]:
    """Return the images, uint8 `[N, H, W]`, and their labels, int64 `[N]` from 0 on, from two IDX files.

    Args:
        images: the file of the images.
        labels: the file of the labels.
        first_label: number of the first class in the file.
        classes: number of classes.

    Raises:
        UserError: as `read_idx`, or the files do not belong together, or a label is outside the classes.
    """
    pictures, numbers = read_idx(images, 3), read_idx(labels, 1).long() - first_label
    if len(pictures) != len(numbers):
        raise damaged(labels, f"it has {len(numbers)} labels for the {len(pictures)} images of {images.name}")
    if not len(numbers):
        raise damaged(labels, "it is empty")
    if not 0 <= int(numbers.min()) <= int(numbers.max()) < classes:
        raise damaged(labels, f"its labels must run from {first_label} to {first_label + classes - 1}")
    return pictures, numbers


def damaged(path: Path, finding: str) -> UserError:
    """Return the error for a file with wrong content."""
    return UserError(f"{path} is damaged: {finding}; delete it to download it again, or put a good copy there")
