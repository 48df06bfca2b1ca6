"""The division of a data set into two parts: with the same proportion of classes, or with different speakers."""

import torch
from torch import Tensor


def stratified_split(labels: Tensor, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Return the kept and the held-out indices, each ascending; every class is on both sides.

    Args:
        labels: class of each element, integers `[N]`.
        fraction: share of each class that is held out, rounded, at least one element.
        seed: seed of the random choice; the same seed gives the same parts.

    Raises:
        ValueError: `fraction` is outside (0, 1), `labels` is empty, or a class is too small to be on both sides.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"the share held out must lie between 0 and 1 (both excluded), not {fraction}")
    if not len(labels):
        raise ValueError("there is nothing to split")
    generator = torch.Generator().manual_seed(seed)
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        if len(members) < 2:
            raise ValueError(f"class {int(label)} has a single element, which cannot be on both sides")
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held[members[torch.randperm(len(members), generator=generator)[:count]]] = True
    return (~held).nonzero().flatten(), held.nonzero().flatten()


def split_of_groups(groups: Tensor, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Return the kept and the held-out indices, each ascending; no group is on both sides.

    Args:
        groups: the group of each element, as its speaker, integers `[N]`.
        fraction: share of the groups that is held out, rounded, at least one.
        seed: seed of the random choice; the same seed gives the same parts.

    Raises:
        ValueError: `fraction` is outside (0, 1), or there are fewer than two groups.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"the share held out must lie between 0 and 1 (both excluded), not {fraction}")
    names = groups.unique()
    if len(names) < 2:
        raise ValueError(f"all samples belong to {len(names)} group, which cannot be on both sides")
    count = min(max(round(fraction * len(names)), 1), len(names) - 1)
    chosen = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))[:count]
    held = torch.isin(groups, names[chosen])
    return (~held).nonzero().flatten(), held.nonzero().flatten()
