"""A share of exact size, with the same proportion of classes."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.errors import UserError


def share_of(labels: Tensor, fraction: float, seed: int, key: str) -> tuple[Tensor, Tensor]:
    """Return the kept and the chosen indices, each ascending; every class is on both sides.

    The number of chosen elements is `fraction` of all, rounded. Each class gives its share, rounded down, and those
    that lose most by it give one more. `stratified_split` rounds for each class, so its total may differ.

    Args:
        labels: class of each element, integers `[N]`.
        fraction: share that is chosen.
        seed: seed of the random choice; the same seed gives the same parts.
        key: the key with the share, for the message.

    Raises:
        UserError: a class is too small to be on both sides.
    """
    classes, sizes = labels.unique(return_counts=True)
    if int(sizes.min()) < 2:
        raise UserError(
            f"{key}={fraction}: class {int(classes[sizes.argmin()])} has a single recording, which cannot be on both "
            "sides; add recordings of it, or remove the class"
        )
    exact = sizes.double() * fraction
    counts = exact.floor().long()
    # A stable sort: equal losses are in the order of the classes on every machine.
    order = torch.sort(counts - exact, stable=True).indices
    counts[order[: round(fraction * len(labels)) - int(counts.sum())]] += 1
    counts = torch.minimum(counts.clamp(min=1), sizes - 1)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label, count in zip(classes, counts.tolist(), strict=True):
        members = (labels == label).nonzero().flatten()
        chosen[members[torch.randperm(len(members), generator=generator)[:count]]] = True
    return (~chosen).nonzero().flatten(), chosen.nonzero().flatten()
