"""Which images are looked at: a few fixed ones, one a class first."""

import torch
from torch import Tensor


def choose_samples(labels: Tensor, count: int, seed: int) -> list[int]:
    """Indices of `count` images (fewer where there are fewer): one a class first, then any, drawn by `seed`.

    Args:
        labels: classes `[N]`.
        count: how many.
        seed: the same seed chooses the same images.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).tolist()
    classes = labels.tolist()
    first_of_class: dict[int, int] = {}
    for index in order:
        first_of_class.setdefault(classes[index], index)
    firsts = [first_of_class[label] for label in sorted(first_of_class)]
    chosen = set(firsts)
    return (firsts + [index for index in order if index not in chosen])[:count]
