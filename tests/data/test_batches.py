from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from snntrain.data.augment import Augment
from snntrain.data.batch import Batch
from snntrain.data.batches import Batches, fits
from snntrain.data.dataset import ImageTensors, Split, hold_out

AUGMENT = Augment(20, 0.1, (0.9, 1.1), 1, True)


def numbered(n: int, *shape: int) -> ImageTensors:
    """Return random images, each labelled with its index."""
    images = torch.randint(0, 256, (n, *(shape or (1, 4, 4))), dtype=torch.uint8)
    return ImageTensors(images, torch.arange(n))


@dataclass(frozen=True)
class Computed:
    """A split without a tensor of all images: it computes each image on request, as a set of files would read it."""

    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Tensor:
        return torch.full((2, 1, 4, 4), index, dtype=torch.uint8)


def batches(split: Split, **settings: Any) -> Batches:
    return Batches(split, **{"batch_size": 4, "scale": 255.0, "device": "cpu", **settings})


def equal(first: Iterable[Batch], second: Iterable[Batch]) -> bool:
    first, second = list(first), list(second)
    return len(first) == len(second) and all(
        same_tensor(getattr(one, field.name), getattr(other, field.name))
        for one, other in zip(first, second, strict=True)
        for field in fields(Batch)
    )


def same_tensor(one: Tensor | None, other: Tensor | None) -> bool:
    return one is other if one is None or other is None else torch.equal(one, other)


sizes = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)


@given(sizes, sizes, seeds, st.integers(0, 100), st.booleans())
def test_every_index_comes_once_per_epoch(n: int, batch_size: int, seed: int, epoch: int, shuffle: bool) -> None:
    made = batches(numbered(n), batch_size=batch_size, seed=seed, shuffle=shuffle)
    labels = [batch.labels for batch in made.epoch(epoch)]
    assert len(made) == len(labels)
    assert all(len(y) == batch_size for y in labels[:-1])
    assert torch.equal(torch.cat(labels).sort().values, torch.arange(n))


@given(sizes, sizes, seeds, st.integers(1, 5))
def test_a_limit_leaves_the_first_batches_of_an_epoch(n: int, batch_size: int, seed: int, limit: int) -> None:
    split = numbered(n)
    whole, limited = (
        batches(split, batch_size=batch_size, seed=seed, shuffle=True, augment=AUGMENT, limit=most)
        for most in (None, limit)
    )
    assert equal(limited.epoch(3), list(whole.epoch(3))[:limit])
    assert len(limited) == min(limit, len(whole))


@given(sizes, sizes, seeds, st.integers(0, 100))
def test_the_same_seed_gives_the_same_batches_in_a_new_object(n: int, batch_size: int, seed: int, epoch: int) -> None:
    split = numbered(n)
    first, second = (batches(split, batch_size=batch_size, seed=seed, shuffle=True, augment=AUGMENT) for _ in range(2))
    assert equal(first.epoch(epoch), second.epoch(epoch))


@given(sizes, sizes, seeds, st.one_of(st.none(), st.integers(1, 5)))
def test_streamed_in_this_process_equals_resident(n: int, batch_size: int, seed: int, limit: int | None) -> None:
    split = numbered(n)
    resident, streamed = (
        batches(split, batch_size=batch_size, seed=seed, shuffle=True, augment=AUGMENT, limit=limit, resident=where)
        for where in (True, False)
    )
    for epoch in (0, 1):
        assert equal(resident.epoch(epoch), streamed.epoch(epoch))


def sequences() -> ImageTensors:
    torch.manual_seed(0)
    return numbered(30, 3, 2, 5, 5)


@pytest.fixture(scope="module")
def by_workers() -> tuple[Batches, Batches]:
    """Return the same batches, resident and streamed by two processes."""
    split = sequences()
    resident, streamed = (
        batches(split, seed=5, shuffle=True, augment=AUGMENT, resident=where, workers=2) for where in (True, False)
    )
    return resident, streamed


def test_streamed_by_workers_equals_resident(by_workers: tuple[Batches, Batches]) -> None:
    resident, streamed = by_workers
    for epoch in (0, 1, 7):
        assert equal(resident.epoch(epoch), streamed.epoch(epoch))


def test_an_epoch_that_ends_early_does_not_disturb_the_next(by_workers: tuple[Batches, Batches]) -> None:
    resident, streamed = by_workers
    for _ in streamed.epoch(2):
        break
    assert equal(resident.epoch(3), streamed.epoch(3))


def test_an_epoch_that_starts_late_has_the_batches_of_the_whole_one(by_workers: tuple[Batches, Batches]) -> None:
    resident, streamed = by_workers
    for made in (resident, streamed, batches(sequences(), seed=5, shuffle=True, augment=AUGMENT, resident=False)):
        whole = list(resident.epoch(4))
        for start in (0, 1, 6, len(whole)):
            assert equal(made.epoch(4, start), whole[start:])


def test_an_epoch_begins_at_one_of_its_batches_or_at_its_end() -> None:
    made = batches(numbered(10), limit=2)
    assert list(made.epoch(start=2)) == []
    for start in (-1, 3):
        with pytest.raises(ValueError, match=f"between 0 and the 2 batches of an epoch, not {start}"):
            made.epoch(start=start)


def test_skipped_batches_are_not_read() -> None:
    asked: list[int] = []

    class Asked(Computed):
        def __getitem__(self, index: int) -> Tensor:
            asked.append(index)
            return super().__getitem__(index)

    list(batches(Asked(torch.arange(10)), resident=False).epoch(start=1))
    assert asked == [4, 5, 6, 7, 8, 9]


def test_streaming_does_not_use_the_global_generator() -> None:
    made = batches(numbered(10), shuffle=True, augment=AUGMENT, resident=False)
    state = torch.get_rng_state()
    list(made.epoch())
    assert torch.equal(torch.get_rng_state(), state)


def test_epochs_and_seeds_shuffle_differently() -> None:
    split = numbered(100)
    orders = [
        torch.cat([batch.labels for batch in batches(split, seed=seed, shuffle=True).epoch(epoch)])
        for seed, epoch in ((0, 0), (0, 1), (1, 0))
    ]
    assert not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    assert not torch.equal(orders[1], orders[2])


def test_without_shuffle_the_order_is_that_of_the_split() -> None:
    assert torch.cat([batch.labels for batch in batches(numbered(10)).epoch(5)]).tolist() == list(range(10))


def test_batches_of_an_epoch_are_augmented_differently() -> None:
    same = ImageTensors(torch.randint(0, 256, (1, 1, 9, 9), dtype=torch.uint8).repeat(8, 1, 1, 1), torch.arange(8))
    first, second = (batch.x for batch in batches(same, augment=Augment(degrees=40)).epoch())
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("scale", [16.0, 255.0])
def test_intensities_are_the_stored_bytes_over_the_scale(scale: float) -> None:
    split = ImageTensors(
        torch.arange(int(scale) + 1, dtype=torch.uint8).view(-1, 1, 1, 1), torch.zeros(int(scale) + 1).long()
    )
    (batch,) = batches(split, batch_size=300, scale=scale).epoch()
    x, y = batch.x, batch.labels
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    torch.testing.assert_close(x.flatten(), torch.arange(int(scale) + 1) / scale)
    assert (x.min().item(), x.max().item()) == (0, 1)


def test_sequences_come_with_their_steps_first() -> None:
    split = numbered(10, 3, 2, 4, 5)
    batch = next(batches(split, shuffle=True).epoch())
    x, y = batch.x, batch.labels
    assert x.shape == (3, 4, 2, 4, 5)
    assert x.is_contiguous()
    torch.testing.assert_close(x, split.images[y].transpose(0, 1) / 255)


@pytest.mark.parametrize("resident", [True, False])
def test_a_split_without_a_tensor_of_all_images_serves_as_well(resident: bool) -> None:
    made = batches(Computed(torch.arange(10)), shuffle=True, scale=1.0, resident=resident)
    for batch in made.epoch():
        assert batch.x.shape == (2, len(batch.labels), 1, 4, 4)
        assert torch.equal(batch.x[1, :, 0, 2, 2], batch.labels.float())


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("workers", [0, 2])
def test_each_sequence_keeps_its_length(resident: bool, workers: int) -> None:
    split = replace(numbered(10, 3, 2, 4, 4), lengths=1 + torch.arange(10) % 3)
    made = batches(split, shuffle=True, augment=AUGMENT, resident=resident, workers=workers)
    for batch in made.epoch():
        assert batch.lengths is not None
        assert torch.equal(batch.lengths, 1 + batch.labels % 3)


@pytest.mark.parametrize(
    ("lengths", "wrong"),
    [
        ([1, 2, 4], "between 1 and the 3 steps"),
        ([0, 1, 1], "between 1 and the 3 steps"),
        ([1, 1], r"lengths must be int64 \[3\]"),
        ([1.0, 1.0, 1.0], r"lengths must be int64 \[3\], not torch.float32"),
    ],
)
def test_lengths_that_do_not_fit_the_sequences_are_refused(lengths: list[float], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        replace(numbered(3, 3, 2, 4, 4), lengths=torch.tensor(lengths))


def test_images_have_no_lengths() -> None:
    with pytest.raises(ValueError, match="only sequences"):
        replace(numbered(3), lengths=torch.ones(3, dtype=torch.int64))


def test_sequences_held_out_keep_their_lengths() -> None:
    split = replace(sequences(), labels=torch.arange(30) % 2, lengths=1 + torch.arange(30) % 3)
    data = hold_out("some", split, split, ("a", "b"), validation=0.2, split_seed=0)
    assert isinstance(data.validation, ImageTensors)
    assert data.validation.lengths is not None
    for index in range(len(data.validation)):
        (place,) = (split.images == data.validation[index]).flatten(1).all(1).nonzero().flatten().tolist()
        assert data.validation.lengths[index] == split.lengths[place]


@pytest.mark.parametrize("bad", [{"batch_size": 0}, {"limit": 0}])
def test_empty_batches_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        batches(numbered(3), **bad)


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(ValueError, match="not 0 images"):
        batches(numbered(0))


def test_a_split_in_memory_fits_on_the_cpu_and_one_outside_does_not() -> None:
    assert fits(numbered(3), "cpu")
    assert not fits(Computed(torch.arange(3)), "cpu")


@pytest.mark.gpu
def test_a_gpu_gives_the_batches_of_the_cpu() -> None:
    split = numbered(50, 3, 32, 32)
    for resident in (True, False):
        on = [
            batches(split, device=device, shuffle=True, augment=AUGMENT, resident=resident)
            for device in ("cpu", "cuda")
        ]
        for host, device in zip(on[0].epoch(1), on[1].epoch(1), strict=True):
            assert device.x.device.type == "cuda"
            assert torch.equal(host.labels, device.labels.cpu())
            torch.testing.assert_close(host.x, device.x.cpu(), atol=1e-4, rtol=0)


@pytest.mark.gpu
def test_a_split_bigger_than_its_share_of_the_gpu_does_not_fit() -> None:
    assert fits(numbered(3), "cuda")
    assert not fits(numbered(3), "cuda", share=0.0)
