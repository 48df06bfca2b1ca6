"""The images that are recorded."""

from __future__ import annotations

import pytest
import torch

from snntrain.inspect.samples import sample_indices

LABELS = torch.tensor([2, 2, 0, 0, 0, 1, 5, 5, 5, 5])


@pytest.mark.parametrize("seed", range(5))
def test_every_class_comes_first(seed: int) -> None:
    chosen = sample_indices(LABELS, 6, seed)
    assert LABELS[chosen[:4]].tolist() == [0, 1, 2, 5]
    assert len(set(chosen)) == 6


@pytest.mark.parametrize("seed", range(5))
def test_with_fewer_images_than_classes_each_has_another_class(seed: int) -> None:
    assert LABELS[sample_indices(LABELS, 3, seed)].tolist() == [0, 1, 2]


def test_only_the_seed_decides_which_images_are_drawn() -> None:
    torch.manual_seed(0)
    once = sample_indices(LABELS, 5, 3)
    torch.manual_seed(1)
    assert sample_indices(LABELS, 5, 3) == once
    assert len({tuple(sample_indices(LABELS, 5, seed)) for seed in range(10)}) > 1


def test_there_may_be_fewer_images_than_requested() -> None:
    assert sorted(sample_indices(LABELS, 99, 0)) == list(range(len(LABELS)))
