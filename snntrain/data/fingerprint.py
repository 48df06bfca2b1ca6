"""A digest of the content of a data set, from which a resumed run notices that the data have changed."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from snntrain.data.dataset import Data, ImageTensors, Rows, Split, lengths_of

# Number of images read from a split outside memory: reading all would take as long as an epoch.
SAMPLES = 64


def fingerprint(data: Data) -> str:
    """Return a hexadecimal digest of all splits: shapes, labels, bytes and lengths, in their order.

    A split in a cache has the checksums of all of its samples. For another split outside memory only `SAMPLES` images
    are included, evenly spaced, the same each time.

    The digest is BLAKE2b, which is fast on every CPU: MNIST's 55 MB take 0.06 s on an AMD EPYC; SHA-256 takes 0.03 s
    with SHA instructions and 0.12 s without (best of five).
    """
    digest = hashlib.blake2b(digest_size=16)
    for split in (data.train, data.validation, data.test):
        shape, content = _content(split)
        digest.update(repr((len(split), shape)).encode())
        lengths = lengths_of(split)
        for part in (split.labels, content, *([] if lengths is None else [lengths])):
            digest.update(part.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _content(split: Split) -> tuple[tuple[int, ...], Tensor]:
    """Return a shape and a tensor that stand for the samples of a split."""
    checksums = _checksums(split)
    if checksums is not None:
        return tuple(split[0].shape), checksums
    images = split.images if isinstance(split, ImageTensors) else _spread(split)
    return tuple(images.shape), images


def _checksums(split: Split) -> Tensor | None:
    """Return the checksum of each sample, int64 `[N]`; None if the split has none."""
    if isinstance(split, Rows):
        of_all = _checksums(split.split)
        return None if of_all is None else of_all[split.rows]
    checksums: Tensor | None = getattr(split, "checksums", None)
    return checksums


def _spread(split: Split) -> Tensor:
    """Return evenly spaced images of a split, from the first to the last, as one tensor."""
    count = min(SAMPLES, len(split))
    return torch.stack([split[index] for index in torch.linspace(0, len(split) - 1, count).long().tolist()])
