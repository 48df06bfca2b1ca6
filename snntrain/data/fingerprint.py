"""A digest of a data set's content, by which a resumed run notices that it is no longer what the run began with."""

from __future__ import annotations

import hashlib

import torch

from snntrain.data.dataset import Data, ImageTensors, Split, lengths_of

# Images of a split outside memory that are looked at: to read all of them would take as long as an epoch.
SAMPLES = 64


def fingerprint(data: Data) -> str:
    """A hexadecimal digest of all splits: shapes, labels, bytes and lengths, in their order.

    Of a split that is not in memory the bytes are those of `SAMPLES` images, spread evenly, the same each time.

    By BLAKE2b, which needs no instructions of its own: MNIST's 55 MB take it 0.06 s on an AMD EPYC, and SHA-256 0.03 s
    with SHA instructions, 0.12 s without (the best of five).
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
    """Images of a split from its first to its last, stacked."""
    count = min(SAMPLES, len(split))
    return torch.stack([split[index] for index in torch.linspace(0, len(split) - 1, count).long().tolist()])
