"""A share of a set has an exact size, and every class on both sides."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from snntrain.data.sets.shares import share_of
from snntrain.errors import UserError


@given(st.lists(st.integers(2, 60), min_size=1, max_size=12), st.floats(0.01, 0.99), st.integers(0, 2**32))
def test_the_parts_are_disjoint_complete_and_have_every_class(sizes: list[int], share: float, seed: int) -> None:
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    kept, chosen = share_of(labels, share, seed, "dataset.test")
    assert sorted([*kept.tolist(), *chosen.tolist()]) == list(range(len(labels)))
    assert torch.equal(labels[kept].unique(), labels.unique())
    assert torch.equal(labels[chosen].unique(), labels.unique())
    for label, size in enumerate(sizes):
        count = int((labels[chosen] == label).sum())
        assert abs(count - share * size) < 1 or count in (1, size - 1)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_size_is_exact(seed: int) -> None:
    """These are the sizes of the digits among the first 1,000 of MNIST; each rounded on its own, they give 199."""
    sizes = torch.tensor([97, 116, 99, 93, 105, 92, 94, 117, 87, 100])
    kept, chosen = share_of(torch.repeat_interleave(torch.arange(10), sizes), 0.2, seed, "dataset.test")
    assert (len(kept), len(chosen)) == (800, 200)


def test_the_seed_decides() -> None:
    labels = torch.arange(100) % 5
    first, again, other = (share_of(labels, 0.3, seed, "dataset.test")[1].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_a_class_with_one_recording_is_refused() -> None:
    with pytest.raises(UserError, match=r"dataset\.test=0\.2: class 1 has a single recording"):
        share_of(torch.tensor([0, 0, 1]), 0.2, 0, "dataset.test")
