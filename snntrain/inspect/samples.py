"""The choice of the few fixed images for an inspection."""

import torch
from torch import Tensor


def sample_indices(labels: Tensor, count: int, seed: int) -> list[int]:
    """Return the indices of up to `count` images: first one per class, then others, drawn at random.

    Args:
        labels: classes `[N]`.
        count: the number of images.
        seed: the seed of the draw.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).tolist()
    classes = labels.tolist()
    first_of_class: dict[int, int] = {}
    for index in order:
        first_of_class.setdefault(classes[index], index)
    firsts = [first_of_class[label] for label in sorted(first_of_class)]
    taken = set(firsts)
    return (firsts + [index for index in order if index not in taken])[:count]
