"""Augmentation of sequences: each change against a naive implementation, and what all of them have in common."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snntrain.data.augment import Augment, events
from snntrain.data.augment.draws import Row
from snntrain.data.batches import Batches, Draw
from snntrain.data.dataset import ImageTensors

from .naive_augment import cropped, cut_out, moved, rolled

T, HEIGHT, WIDTH = 6, 9, 12
N = 8


def frames(n: int = N, channels: int = 2, seed: int = 0) -> ImageTensors:
    """Return counts of events `[N, 6, channels, 9, 12]`; the padding has other counts."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(0, 40, (n, T, channels, HEIGHT, WIDTH), generator=generator, dtype=torch.uint8)
    return ImageTensors(counts, torch.arange(n), torch.randint(1, T + 1, (n,), generator=generator))


def units(n: int = N) -> ImageTensors:
    counts = torch.randint(0, 40, (n, T, 15), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    return ImageTensors(counts, torch.arange(n))


def batches(split: ImageTensors, augment: Augment, **more: Any) -> Batches:
    return Batches(split, **{"batch_size": N, "scale": 1.0, "device": "cpu", "augment": augment, **more})


def numbers(augment: Augment, n: int = N, seed: int = 0, epoch: int = 0) -> np.ndarray:
    """Return the random numbers of the first batch, `[20, n]`."""
    from snntrain.data.seeding import generator

    return augment.draw(n, generator(seed, epoch, 1)).double().numpy()


def only(augment: Augment, u: np.ndarray, change: str, sample: int) -> bool:
    made = augment.made(change, torch.from_numpy(u[Row.CHOICE]).float())
    return made is None or bool(made[sample])


def by_hand(augment: Augment, split: ImageTensors, u: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return the samples `[N, T, C, H, W]` after all changes but the drop, and their lengths."""
    assert split.lengths is not None
    results, lengths = [], []
    for sample, (stored, length) in enumerate(zip(split.images.numpy(), split.lengths.tolist(), strict=True)):
        x, row = stored.astype(np.float64), u[:, sample]
        if augment.temporal_crop:
            cut = int(row[Row.CUT_STEPS] * (min(int(np.float32(length * augment.temporal_crop)), length - 1) + 1))
            length -= cut
            x = cropped(x, int(row[Row.FIRST_STEP] * (cut + 1)), length)
        if augment.polarity_flip and row[Row.POLARITY] < 0.5:
            x = x[:, ::-1]
        if augment.roll and only(augment, u, "roll", sample):
            steps = [int(row[at] * (2 * augment.roll + 1)) - augment.roll for at in (Row.ROLL_X, Row.ROLL_Y)]
            x = rolled(x, *steps)
        if augment.cutout and only(augment, u, "cutout", sample):
            side = int(row[Row.CUTOUT] * augment.cutout) + 1
            x = cut_out(x, side, int(row[Row.CUTOUT_Y] * HEIGHT), int(row[Row.CUTOUT_X] * WIDTH))
        if augment.is_geometric:
            x = moved(x, **motion(augment, u, sample))
        results.append(x)
        lengths.append(length)
    return np.stack(results), lengths


def motion(augment: Augment, u: np.ndarray, sample: int) -> dict[str, Any]:
    """Return the arguments of `moved` for a sample."""
    row, given = u[:, sample], augment.given
    does = {
        change: key in given and only(augment, u, change, sample)
        for change, key in (
            *(("rotation", "degrees"), ("zoom", "scale"), ("shift", "translate"), ("shear", "shear")),
            *(("pixels along x", "crop_padding"), ("pixels along y", "crop_padding")),
        )
    }
    whole = [math.floor(row[at] * (2 * augment.crop_padding + 1)) - augment.crop_padding for at in (3, 4)]
    share = [(2 * row[at] - 1) * augment.translate for at in (5, 6)]
    return {
        "angle": does["rotation"] * (2 * row[0] - 1) * augment.degrees,
        "zoom": augment.scale[0] + row[1] * (augment.scale[1] - augment.scale[0]) if does["zoom"] else 1.0,
        "mirrored": augment.flip and row[2] < 0.5,
        "slope": does["shear"] * (2 * row[Row.SHEAR] - 1) * augment.shear,
        "right": does["pixels along x"] * whole[0] + does["shift"] * share[0] * WIDTH,
        "down": does["pixels along y"] * whole[1] + does["shift"] * share[1] * HEIGHT,
    }


SETTINGS: dict[str, dict[str, Any]] = {
    "flip": {"flip": True},
    "shear": {"shear": 0.5},
    "rotation": {"degrees": 40},
    "shift by pixels": {"crop_padding": 3},
    "roll": {"roll": 4},
    "cutout": {"cutout": 7},
    "crop in time": {"temporal_crop": 0.7},
    "polarity": {"polarity_flip": True},
    "all": {
        **{"degrees": 25, "translate": 0.1, "scale": (0.8, 1.3), "crop_padding": 2, "flip": True, "shear": 0.3},
        **{"roll": 3, "cutout": 5, "temporal_crop": 0.5, "polarity_flip": True},
    },
    "one of them": {
        **{"degrees": 25, "translate": 0.1, "scale": (0.8, 1.3), "crop_padding": 2, "flip": True, "shear": 0.3},
        **{"roll": 3, "cutout": 5, "one_of": True},
    },
    "dvs_wide": {"one_of": True, "degrees": 30, "shear": 0.3, "crop_padding": 5, "cutout": 30},
}


@pytest.mark.parametrize("name", list(SETTINGS))
@pytest.mark.parametrize("n", [N, pytest.param(40, marks=pytest.mark.slow)])
def test_each_sample_is_changed_as_the_description_says(name: str, n: int) -> None:
    augment, split = Augment(**SETTINGS[name]), frames(n)
    (batch,) = batches(split, augment, batch_size=n).epoch()
    expected, lengths = by_hand(augment, split, numbers(augment, n))
    assert batch.lengths is not None
    assert batch.lengths.tolist() == lengths
    found = batch.x.transpose(0, 1).numpy()
    assert not np.allclose(found, split.images)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), epoch=st.integers(0, 50), name=st.sampled_from(list(SETTINGS)))
def test_all_steps_of_a_sample_change_alike(seed: int, epoch: int, name: str) -> None:
    augment = Augment(**{**SETTINGS[name], "temporal_crop": 0.0})
    if augment.is_identity:
        return
    same_steps = frames(4, seed=seed).images[:, :1].expand(-1, T, -1, -1, -1).contiguous()
    (batch,) = batches(ImageTensors(same_steps, torch.arange(4)), augment, seed=seed).epoch(epoch)
    assert all(torch.equal(step, batch.x[0]) for step in batch.x)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), share=st.floats(0.01, 0.99))
def test_a_crop_in_time_keeps_steps_that_follow_each_other(seed: int, share: float) -> None:
    split = frames(12, seed=seed)
    (batch,) = batches(split, Augment(temporal_crop=share), seed=seed, batch_size=12).epoch()
    assert batch.lengths is not None
    assert split.lengths is not None
    for sample, (length, before) in enumerate(zip(batch.lengths.tolist(), split.lengths.tolist(), strict=True)):
        assert max(1, before - math.floor(before * share + 1e-5)) <= length <= before
        kept, stored = batch.x[:length, sample], split.images[sample, :before].float()
        assert any(torch.equal(kept, stored[first : first + length]) for first in range(before - length + 1))
        assert not batch.x[length:, sample].any()


def test_every_crop_in_time_occurs_about_as_often() -> None:
    split = ImageTensors(torch.arange(1, 5, dtype=torch.uint8).view(1, 4, 1).expand(4000, 4, 3), torch.arange(4000))
    (batch,) = batches(split, Augment(temporal_crop=0.5), batch_size=4000).epoch()
    assert batch.lengths is not None
    seen = torch.stack([batch.lengths.double(), batch.x[0, :, 0].double()])
    counts = {tuple(pair): n for pair, n in zip(*[part.tolist() for part in seen.T.unique(dim=0, return_counts=True)])}  # noqa: B905
    # 0, 1 or 2 of 4 steps are cut off, each in a third of the samples, at the beginning, at the end, or at both.
    assert counts.keys() == {(4, 1), (3, 1), (3, 2), (2, 1), (2, 2), (2, 3)}
    for (length, _), count in counts.items():
        assert count == pytest.approx(4000 / 3 / (5 - length), rel=0.15)


def test_events_are_dropped_with_the_share_as_the_mean_and_single_ones_with_it_as_the_probability() -> None:
    counts = torch.tensor([0, 1, 2, 3, 40, 255], dtype=torch.uint8).repeat(2000).expand(3, 1, -1).contiguous()
    share, seed = torch.tensor([0.0, 0.3, 0.95]), torch.tensor([[1, 1, 2], [5, 6, 5]])
    kept = events.drop(counts, share, seed)
    assert kept.dtype == torch.uint8
    assert torch.equal(kept[0], counts[0])
    for sample in (1, 2):
        of_each = kept[sample].view(2000, 6).double()
        expected = torch.tensor([0, 1, 2, 3, 40, 255]) * (1 - share[sample].double())
        torch.testing.assert_close(of_each.mean(0), expected, atol=0.05, rtol=0)
        assert ((of_each - expected).abs() < 1 + 1e-4).all()
        assert of_each[:, 0].max() == 0


def test_the_dropped_events_of_two_samples_and_of_two_places_are_independent() -> None:
    single = torch.ones(2, 1, 20_000, dtype=torch.uint8)
    one, other = events.drop(single, torch.full((2,), 0.5), torch.tensor([[7, 8], [3, 3]])).squeeze(1).double()
    for pair in ((one, other), (one[1:], one[:-1]), (one[140:], one[:-140])):
        assert abs(float(torch.corrcoef(torch.stack(pair))[0, 1])) < 0.03
    assert one.mean() == pytest.approx(0.5, abs=0.02)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), drop=st.floats(0.01, 0.99))
def test_dropping_never_makes_events(seed: int, drop: float) -> None:
    split = frames(4, seed=seed)
    (batch,) = batches(split, Augment(drop=drop), seed=seed).epoch()
    x = batch.x.transpose(0, 1)
    assert torch.equal(x, x.round())
    assert (x <= split.images).all()
    assert (x > split.images * (1 - drop) - 1 - 1e-3).all()


def test_units_are_rolled_along_their_axis_and_not_along_time() -> None:
    augment, split = Augment(roll=4), units()
    (batch,) = batches(split, augment).epoch()
    steps = (torch.from_numpy(numbers(augment)[Row.ROLL_X]) * 9).floor().long() - 4
    assert steps.unique().numel() > 3
    for sample, step in enumerate(steps.tolist()):
        assert torch.equal(batch.x[:, sample], split.images[sample].float().roll(step, 1))
    assert batch.lengths is None


def test_one_of_the_changes_is_made_or_none_all_about_as_often() -> None:
    augment = Augment(**SETTINGS["dvs_wide"])
    choice = torch.rand(12_000, generator=torch.Generator().manual_seed(0))
    changes = ("rotation", "shear", "pixels along x", "pixels along y", "cutout")
    made = torch.stack([found for change in changes if (found := augment.made(change, choice)) is not None])
    assert len(made) == 5
    assert made.sum(0).max() == 1
    for share in (*made.double().mean(1), (made.sum(0) == 0).double().mean()):
        assert float(share) == pytest.approx(1 / 6, abs=0.02)


def test_a_new_setting_leaves_the_draws_of_the_old_ones() -> None:
    old, split = Augment(20, 0.1, (0.9, 1.1), 1, True), frames()
    more = Augment(20, 0.1, (0.9, 1.1), 1, True, polarity_flip=True)
    (plain,), (flipped,) = (batches(split, augment).epoch() for augment in (old, more))
    swapped = torch.from_numpy(numbers(more)[Row.POLARITY] < 0.5)
    assert 0 < swapped.sum() < N
    assert torch.equal(flipped.x[:, ~swapped], plain.x[:, ~swapped])
    torch.testing.assert_close(flipped.x[:, swapped], plain.x[:, swapped].flip(2))


@pytest.mark.parametrize("split", [frames(30), units(30)], ids=["frames", "units"])
def test_batches_are_the_same_wherever_the_samples_are(split: ImageTensors) -> None:
    augment = Augment(roll=2, temporal_crop=0.5, drop=0.4)
    more: dict[str, Any] = {"batch_size": 7, "shuffle": True, "seed": 3}
    resident, streamed = (batches(split, augment, resident=where, **more) for where in (True, False))
    parts = [batches(split, augment, rank=rank, size=3, **more) for rank in range(3)]
    for epoch in (0, 1):
        whole = list(resident.epoch(epoch))
        for one, other in zip(whole, streamed.epoch(epoch), strict=True):
            assert torch.equal(one.x, other.x)
            assert torch.equal(lengths_of(one.lengths), lengths_of(other.lengths))
        for one, *shares in zip(whole, *(part.epoch(epoch) for part in parts), strict=True):
            assert torch.equal(one.x, torch.cat([share.x for share in shares], dim=1))
            assert torch.equal(lengths_of(one.lengths), torch.cat([lengths_of(share.lengths) for share in shares]))
    late = list(resident.epoch(1, 3))
    assert all(torch.equal(one.x, other.x) for one, other in zip(late, whole[3:], strict=True))


def lengths_of(lengths: Tensor | None) -> Tensor:
    assert lengths is not None
    return lengths


def test_the_host_waits_for_no_change() -> None:
    from tests.training.stand_in import READS
    from tests.training.stand_in import Counting as Operations

    made = batches(frames(), Augment(**SETTINGS["all"], drop=0.5))
    draw: Draw = next(made.draws())
    with Operations() as seen:
        made.make(draw)
    reads = {function._schema.name for function in READS}
    assert len(seen.names) > 20
    assert not reads & set(seen.names)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shear": -0.1}, r"augment\.shear must be 0 or more, not -0\.1"),
        ({"shear": math.inf}, r"augment\.shear"),
        ({"roll": -1}, r"augment\.roll must be 0 or more pixels, not -1"),
        ({"cutout": -1}, r"augment\.cutout must be 0 or more"),
        ({"temporal_crop": 1.0}, r"augment\.temporal_crop must lie in \[0, 1\), not 1\.0"),
        ({"drop": -0.5}, r"augment\.drop must lie in \[0, 1\)"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augment(**settings)


IMAGES = ImageTensors(torch.zeros(2, 2, 9, 9, dtype=torch.uint8), torch.arange(2))
IMPOSSIBLE: list[tuple[dict[str, Any], ImageTensors, float, str]] = [
    *(
        ({key: value}, units(), 1.0, "needs pixels in two dimensions, and these samples are sequences of 15 units")
        for key, value in {
            **{"degrees": 5, "translate": 0.1, "scale": (1, 2), "crop_padding": 1, "flip": True},
            **{"shear": 0.1, "cutout": 3},
        }.items()
    ),
    *(
        ({key: value}, IMAGES, 1.0, "needs sequences, and these samples are images")
        for key, value in {"temporal_crop": 0.1, "drop": 0.1, "polarity_flip": True}.items()
    ),
    ({"polarity_flip": True}, units(), 1.0, "two channels, ON and OFF, and these samples are sequences of 15 units"),
    ({"polarity_flip": True}, frames(channels=3), 1.0, "these samples are sequences of frames of 3 channels"),
    ({"drop": 0.1}, frames(), 255.0, "needs counts of events, and these samples are intensities, bytes divided by 255"),
]


@pytest.mark.parametrize(("settings", "split", "scale", "message"), IMPOSSIBLE, ids=[str(i[0]) for i in IMPOSSIBLE])
def test_samples_that_cannot_have_a_change_are_refused(
    settings: dict[str, Any], split: ImageTensors, scale: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        batches(split, Augment(**settings), scale=scale)
