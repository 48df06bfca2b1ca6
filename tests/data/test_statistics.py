"""Mean and standard deviation of a split."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from snntrain.data.dataset import ImageTensors, Rows
from snntrain.data.statistics import statistics

RANDOM = np.random.default_rng(0)


def split(array: np.ndarray, lengths: list[int] | None = None) -> ImageTensors:
    labels = torch.zeros(len(array), dtype=torch.int64)
    return ImageTensors(torch.from_numpy(array), labels, None if lengths is None else torch.tensor(lengths))


@given(st.integers(1, 600), st.sampled_from([1, 3]), st.sampled_from([1.0, 16.0, 255.0]))
def test_bytes_of_images_have_the_statistics_of_numpy(count: int, channels: int, scale: float) -> None:
    images = RANDOM.integers(0, 256, (count, channels, 3, 4), np.uint8)
    found = statistics(split(images), scale)
    assert found.mean == pytest.approx((images / scale).mean((0, 2, 3)), rel=1e-5)
    assert found.std == pytest.approx((images / scale).std((0, 2, 3)), rel=1e-5)


@pytest.mark.parametrize("shape", [(5, 2, 3, 4), (5, 12)])
def test_padding_is_left_out(shape: tuple[int, ...]) -> None:
    sequences = RANDOM.integers(0, 9, (40, *shape), np.uint8)
    lengths = (np.arange(40) % 5 + 1).tolist()
    valid = np.concatenate([sequence[:length] for sequence, length in zip(sequences, lengths, strict=True)])
    for sequence, length in zip(sequences, lengths, strict=True):
        sequence[length:] = 255
    found = statistics(split(sequences, lengths), 1.0)
    axes = (0, 2, 3) if len(shape) == 4 else None
    assert found.mean == pytest.approx(np.atleast_1d(valid.mean(axes)), rel=1e-5)
    assert found.std == pytest.approx(np.atleast_1d(valid.std(axes)), rel=1e-5)


def test_floats_far_from_zero_keep_their_deviation() -> None:
    images = (RANDOM.normal(size=(300, 1, 4, 4)) * 0.01 + 1000).astype(np.float32)
    found = statistics(split(images), 1.0)
    assert found.mean == pytest.approx([images.astype(np.float64).mean()], rel=1e-5)
    assert found.std == pytest.approx([images.astype(np.float64).std()], rel=1e-5)


@pytest.mark.parametrize("value", [0, 7, np.float32(0.1)])
def test_a_channel_that_never_changes_has_deviation_one(value: float) -> None:
    found = statistics(split(np.full((300, 1, 3, 3), value, np.float32 if value == np.float32(0.1) else np.uint8)), 1.0)
    assert found.mean == pytest.approx((float(value),), abs=1e-6)
    assert found.std == (1.0,)


def test_a_split_on_disk_has_the_statistics_of_the_same_split_in_memory() -> None:
    images = RANDOM.integers(0, 256, (700, 1, 3, 4), np.uint8)
    memory = split(images)
    assert statistics(Rows(memory, torch.arange(700)), 255.0) == statistics(memory, 255.0)


def test_the_numbers_have_six_digits() -> None:
    found = statistics(split(RANDOM.integers(0, 256, (50, 1, 3, 4), np.uint8)), 255.0)
    assert found.mean == tuple(float(f"{mean:.6g}") for mean in found.mean)
