import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from snntrain.data.split import split_of_groups, stratified_split

labels = st.lists(st.integers(0, 5), min_size=1, max_size=60).map(lambda some: torch.tensor(some * 2))
fractions = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**32 - 1)


@given(labels, fractions, seeds)
def test_every_index_is_on_exactly_one_side(labels: Tensor, fraction: float, seed: int) -> None:
    kept, held = stratified_split(labels, fraction, seed)
    assert torch.equal(torch.cat([kept, held]).sort().values, torch.arange(len(labels)))
    assert torch.equal(kept, kept.sort().values)
    assert torch.equal(held, held.sort().values)


@given(labels, fractions, seeds)
def test_every_class_is_on_both_sides_in_its_proportion(labels: Tensor, fraction: float, seed: int) -> None:
    _, held = stratified_split(labels, fraction, seed)
    for label in labels.unique():
        size = int((labels == label).sum())
        count = int((labels[held] == label).sum())
        assert 1 <= count < size
        assert abs(count - fraction * size) <= 1


@given(labels, fractions, seeds)
def test_the_same_seed_gives_the_same_split(labels: Tensor, fraction: float, seed: int) -> None:
    first, second = (stratified_split(labels, fraction, seed) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_another_seed_gives_another_split() -> None:
    labels = torch.arange(200) % 10
    assert not torch.equal(stratified_split(labels, 0.2, 0)[1], stratified_split(labels, 0.2, 1)[1])


def test_the_split_does_not_use_the_global_generator() -> None:
    state = torch.get_rng_state()
    stratified_split(torch.arange(20) % 2, 0.5, 0)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_share_outside_0_to_1_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        stratified_split(torch.zeros(10, dtype=torch.int64), fraction, 0)


def test_a_class_with_a_single_element_is_refused_by_its_number() -> None:
    with pytest.raises(ValueError, match="class 7 has a single element"):
        stratified_split(torch.tensor([1, 1, 7]), 0.5, 0)


def test_no_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing to split"):
        stratified_split(torch.tensor([], dtype=torch.int64), 0.5, 0)


groups = st.lists(st.integers(0, 9), min_size=2, max_size=60).filter(lambda some: len(set(some)) > 1).map(torch.tensor)


@given(groups, fractions, seeds)
def test_every_group_is_on_exactly_one_side(groups: Tensor, fraction: float, seed: int) -> None:
    kept, held = split_of_groups(groups, fraction, seed)
    assert torch.equal(torch.cat([kept, held]).sort().values, torch.arange(len(groups)))
    assert min(len(kept), len(held)) > 0
    assert not set(groups[kept].tolist()) & set(groups[held].tolist())


def test_a_share_of_the_groups_is_held_out() -> None:
    _, held = split_of_groups(torch.arange(100) // 10, 0.3, 0)
    assert len(held) == 30


@pytest.mark.parametrize(
    ("groups", "fraction", "reason"),
    [([1, 1], 0.5, "1 group"), ([1, 2], 0.0, "between 0 and 1"), ([1, 2], 1.0, "between 0 and 1")],
)
def test_groups_that_cannot_be_split_are_refused(groups: list[int], fraction: float, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split_of_groups(torch.tensor(groups), fraction, 0)
