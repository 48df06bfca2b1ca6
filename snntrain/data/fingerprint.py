"""A digest of the content of a data set, from which a resumed run notices that the data have changed."""

from __future__ import annotations

import hashlib

import torch

from snntrain.data.dataset import Data, ImageTensors, Split, lengths_of

# Number of images read from a split outside memory: reading all would take as long as an epoch.
SAMPLES = 64


def fingerprint(data: Data) -> str:
    """Return a hexadecimal digest of all splits: shapes, labels, bytes and lengths, in their order.

    For a split outside memory only `SAMPLES` images are included, evenly spaced, the same each time.

    The digest is BLAKE2b, which is fast on every CPU: MNIST's 55 MB take 0.06 s on an AMD EPYC; SHA-256 takes 0.03 s
    with SHA instructions and 0.12 s without (best of five).
    """
    digest = hashlib.blake2b(digest_size=16)
    for split in (data.train, data.validation, data.test):
        images = split.images if isinstance(split, ImageTensors) else _spread(split)
        digest.update(repr((len(split), tuple(images.shape))).encode())
        lengths = lengths_of(split)
        for part in (split.labels, images, *([] if lengths is None else [lengths])):
            digest.update(part.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _spread(split: Split) -> torch.Tensor:
    """Return evenly spaced images of a split, from the first to the last, as one tensor."""
    count = min(SAMPLES, len(split))
    return torch.stack([split[index] for index in torch.linspace(0, len(split) - 1, count).long().tolist()])
