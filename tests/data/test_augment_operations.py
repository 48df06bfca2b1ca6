"""RandAugment and TrivialAugment: each operation against Pillow or a naive one, and the draws of the operations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snntrain.data.augment import Augment, affine, operations, selection, tones
from snntrain.data.augment.operations import OF_RAND, OF_TRIVIAL, Operation
from snntrain.data.batches import Batches
from snntrain.data.dataset import ImageTensors

from .naive_operations import BY_PILLOW, moved, picture, pixels

GEOMETRIC = (Operation.ROTATE, Operation.SHEAR_X, Operation.SHEAR_Y, Operation.SHIFT_X, Operation.SHIFT_Y)


def images(n: int, channels: int, height: int = 13, width: int = 17, seed: int = 0) -> Tensor:
    """Return bytes with few levels in some images, and one image with a single one."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (n, channels, height, width), generator=generator, dtype=torch.uint8)
    x[1::3] = x[1::3] // 4 + 90
    x[0] = 77
    return x


def drawn(rows: list[tuple[Operation, float]]) -> Tensor:
    return torch.tensor([[list(row)] for row in rows], dtype=torch.float32)


def of_all(space: str, n: int = 4000, **settings: Any) -> np.ndarray:
    """Return drawn operations and amounts, `[n, 2]`."""
    rng = np.random.default_rng(0)
    if space == "trivial":
        return operations.trivial(rng, n)[:, 0]
    given = {"count": 1, "magnitude": 9.0, "std": 0.0, "probability": 1.0, **settings}
    return operations.rand(rng, n, (20, 40), **given)[:, 0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(13, 17), (32, 32), (2, 9)], ids=str)
@pytest.mark.parametrize("selects", [True, False], ids=["the host selects", "all are computed"])
def test_bytes_change_as_pillow_changes_them(
    channels: int, size: tuple[int, int], selects: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "host_selects", lambda device: selects)
    rows = [(Operation(int(o)), a) for o, a in np.concatenate([of_all("rand", 150, std=4), of_all("trivial", 150)])]
    x = images(len(rows), channels, *size)
    found = tones.toned(x, drawn(rows)).numpy()
    assert {operation for operation, _ in rows} == set(Operation)
    for before, after, (operation, amount) in zip(x.numpy(), found, rows, strict=True):
        if operation in GEOMETRIC:
            np.testing.assert_array_equal(after, before)
            continue
        # The factors are float32 in both.
        expected = pixels(BY_PILLOW[operation](picture(before), float(np.float32(amount))))
        most = 1 if operation == Operation.AUTOCONTRAST else 0
        assert np.abs(after.astype(int) - expected).max() <= most, operation.name


@settings(max_examples=25)
@given(
    operation=st.sampled_from([o for o in BY_PILLOW if o not in (Operation.POSTERIZE, Operation.AUTOCONTRAST)]),
    amount=st.floats(0, 2, width=32),
    seed=st.integers(0, 10**6),
    channels=st.sampled_from([1, 3]),
)
def test_any_amount_changes_bytes_as_pillow_does(operation: Operation, amount: float, seed: int, channels: int) -> None:
    if operation in (Operation.SOLARIZE, Operation.SOLARIZE_ADD):
        amount = math.floor(amount * 100)
    x = images(3, channels, seed=seed)
    found = tones.toned(x, drawn([(operation, amount)] * 3)).numpy()
    for before, after in zip(x.numpy(), found, strict=True):
        np.testing.assert_array_equal(after, pixels(BY_PILLOW[operation](picture(before), amount)))


def test_operations_on_bytes_are_made_one_after_the_other() -> None:
    x = images(2, 3)
    both = torch.cat([drawn([(Operation.INVERT, 0)] * 2), drawn([(Operation.BRIGHTNESS, 0.5)] * 2)], dim=1)
    torch.testing.assert_close(tones.toned(x, both), ((255 - x.float()) / 2).floor().to(torch.uint8))


@pytest.mark.parametrize("operation", GEOMETRIC)
@pytest.mark.parametrize("size", [(11, 11), (9, 14)], ids=str)
def test_geometric_operations_move_pixels_as_a_naive_one_does(operation: Operation, size: tuple[int, int]) -> None:
    amounts = [-0.4, 0.0, 0.3, 1.9]
    x = images(4, 3, *size).double()
    maps = affine.with_operations(None, drawn([(operation, amount) for amount in amounts]).double(), *size)
    found = affine.resample(x, maps)
    for before, after, amount in zip(x.numpy(), found.numpy(), amounts, strict=True):
        amount = float(np.float32(amount))
        np.testing.assert_allclose(after, moved(before, operation, amount), atol=1e-2)


def test_geometric_operations_follow_the_other_maps_and_each_other() -> None:
    x = images(1, 1, 15, 15).float()
    shift, shear = drawn([(Operation.SHIFT_X, 2.0)]), drawn([(Operation.SHEAR_Y, 0.5)])
    flip = affine.maps(15, 15, angle=torch.zeros(1), zoom=torch.ones(1), mirror=-torch.ones(1), shift=torch.zeros(2, 1))
    after_flip = affine.with_operations(flip, shift, 15, 15)
    expected = torch.nn.functional.pad(x.flip(-1), (2, 0))[..., :15]
    torch.testing.assert_close(affine.resample(x, after_flip), expected, atol=1e-2, rtol=0)
    two = affine.with_operations(None, torch.cat([shift, shear], dim=1), 15, 15)
    moved_first = torch.nn.functional.pad(x, (2, 0))[..., :15]
    expected = affine.resample(moved_first, affine.with_operations(None, shear, 15, 15))
    # Inside, where the first of two single changes has cut off nothing.
    torch.testing.assert_close(affine.resample(x, two)[..., :, :13], expected[..., :, :13], atol=1e-2, rtol=0)


@pytest.mark.parametrize(("space", "wanted"), [("rand", OF_RAND), ("trivial", OF_TRIVIAL)])
def test_each_operation_is_drawn_about_as_often(space: str, wanted: tuple[Operation, ...]) -> None:
    counts = np.bincount(of_all(space, 15_000)[:, 0].astype(int), minlength=len(Operation))
    assert {Operation(number) for number in counts.nonzero()[0]} == set(wanted)
    np.testing.assert_allclose(counts[list(wanted)], 15_000 / len(wanted), rtol=0.15)


def amounts_of(found: np.ndarray) -> dict[Operation, np.ndarray]:
    return {operation: found[found[:, 0] == operation, 1] for operation in Operation}


def test_rand_augment_has_the_amounts_of_its_magnitude() -> None:
    of = amounts_of(of_all("rand"))
    for operation in (Operation.BRIGHTNESS, Operation.CONTRAST, Operation.COLOUR, Operation.SHARPNESS):
        assert sorted(set(of[operation].round(6))) == [0.19, 1.81]
    # 4 - int(0.9 * 4) = 1 bit is left; 256 - int(0.9 * 256) = 26.
    assert set(of[Operation.POSTERIZE]) == {128}
    assert set(of[Operation.SOLARIZE]) == {26}
    assert set(of[Operation.SOLARIZE_ADD]) == {99}
    assert sorted(set(np.degrees(of[Operation.ROTATE]).round(6))) == [-27, 27]
    assert sorted(set(of[Operation.SHEAR_X].round(6))) == [-0.27, 0.27]
    # Of 40 columns and 20 rows.
    assert sorted(set(of[Operation.SHIFT_X].round(6))) == [-16.2, 16.2]
    assert sorted(set(of[Operation.SHIFT_Y].round(6))) == [-8.1, 8.1]
    assert abs((of[Operation.ROTATE] > 0).mean() - 0.5) < 0.12


def test_trivial_augment_has_31_strengths_of_its_wide_ranges() -> None:
    of = amounts_of(of_all("trivial", 40_000))
    assert len(set(np.abs(of[Operation.ROTATE]).round(6))) == 31
    assert np.degrees(np.abs(of[Operation.ROTATE]).max()) == pytest.approx(135)
    assert (of[Operation.BRIGHTNESS].min(), of[Operation.BRIGHTNESS].max()) == pytest.approx((0.01, 1.99))
    assert set(of[Operation.POSTERIZE]) == {2.0**n for n in range(7)}
    assert (of[Operation.SOLARIZE].min(), of[Operation.SOLARIZE].max()) == (0, 255)
    assert np.abs(of[Operation.SHEAR_Y]).max() == pytest.approx(0.99)
    assert np.abs(of[Operation.SHIFT_X]).max() == 32


@settings(max_examples=40)
@given(magnitude=st.floats(0, 10), std=st.floats(0, 100), seed=st.integers(0, 10**6), count=st.integers(1, 4))
def test_amounts_stay_in_their_ranges(magnitude: float, std: float, seed: int, count: int) -> None:
    found = operations.rand(
        np.random.default_rng(seed), 60, (8, 8), count=count, magnitude=magnitude, std=std, probability=1.0
    )
    assert found.shape == (60, count, 2)
    of = amounts_of(found.reshape(-1, 2))
    bounds = {
        **dict.fromkeys((Operation.BRIGHTNESS, Operation.COLOUR), (0.1, 1.9)),
        **{Operation.POSTERIZE: (16, 128), Operation.SOLARIZE: (0, 256), Operation.SOLARIZE_ADD: (0, 110)},
        **{
            Operation.ROTATE: (-math.pi / 6, math.pi / 6),
            Operation.SHEAR_X: (-0.3, 0.3),
            Operation.SHIFT_X: (-3.6, 3.6),
        },
    }
    for operation, (least, most) in bounds.items():
        assert ((of[operation] >= least - 1e-9) & (of[operation] <= most + 1e-9)).all(), operation.name


def test_the_strength_varies_with_its_deviation_and_operations_are_left_out_with_their_probability() -> None:
    angles = np.degrees(np.abs(amounts_of(of_all("rand", 30_000, magnitude=5, std=0.5))[Operation.ROTATE]))
    assert angles.mean() == pytest.approx(15, abs=0.2)
    assert angles.std() == pytest.approx(1.5, rel=0.1)
    left_out = of_all("rand", probability=0.5)[:, 0] == Operation.IDENTITY
    assert left_out.mean() == pytest.approx(0.5, abs=0.03)


def split(channels: int = 3, n: int = 24, dtype: torch.dtype = torch.uint8) -> ImageTensors:
    x = images(n, channels, 12, 12)
    return ImageTensors(x if dtype == torch.uint8 else x.float() / 255, torch.arange(n))


def made(of: ImageTensors, augment: Augment, scale: float = 255.0, **more: Any) -> Tensor:
    (batch,) = Batches(
        of, **{"batch_size": len(of), "scale": scale, "device": "cpu", "augment": augment, **more}
    ).epoch()
    return batch.x


POLICIES = {"rand": Augment(rand_augment=2), "trivial": Augment(trivial_augment=True)}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", list(POLICIES))
def test_intensities_of_changed_images_lie_in_0_to_1_and_most_images_change(name: str, channels: int) -> None:
    of = split(channels)
    found = made(of, POLICIES[name])
    assert found.min() >= 0
    assert found.max() <= 1
    changed = (found - of.images / 255).abs().flatten(1).amax(1) > 0.01
    assert changed.sum() > 12


@pytest.mark.parametrize("name", list(POLICIES))
def test_floats_from_0_to_1_change_as_the_same_bytes(name: str) -> None:
    as_bytes, as_floats = (
        made(split(dtype=dtype), POLICIES[name], scale) for dtype, scale in ((torch.uint8, 255.0), (torch.float32, 1.0))
    )
    assert torch.equal(as_bytes, as_floats)


def test_bytes_of_another_scale_are_brought_to_255() -> None:
    levels = torch.arange(17, dtype=torch.uint8).view(1, 1, 1, 17)
    assert tones.as_bytes(levels, 16.0).flatten().tolist() == [round(255 * n / 16) for n in range(17)]


def test_old_changes_keep_their_draws_beside_operations() -> None:
    of = split(n=200)
    old = made(of, Augment(crop_padding=2, flip=True), shuffle=True)
    new = made(of, Augment(crop_padding=2, flip=True, rand_augment=1, rand_augment_probability=0.5), shuffle=True)
    same = [torch.allclose(one, other, atol=1e-4) for one, other in zip(old, new, strict=True)]
    assert 80 < sum(same) < 120


@pytest.mark.parametrize(
    ("of", "scale", "reason"),
    [
        (ImageTensors(torch.zeros(2, 5, 3, 4, 4, dtype=torch.uint8), torch.arange(2)), 255.0, "needs still images"),
        (ImageTensors(torch.zeros(2, 2, 4, 4, dtype=torch.uint8), torch.arange(2)), 255.0, "1 or 3 channels"),
        (ImageTensors(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.arange(2)), 1.0, "these samples are counts"),
        (ImageTensors(torch.tensor([[[[0.0]]], [[[1.5]]]]), torch.arange(2)), 1.0, "these images go from 0 to 1.5"),
    ],
    ids=["sequences", "two channels", "counts", "great numbers"],
)  # fmt: skip
def test_samples_that_are_not_pictures_are_refused(of: ImageTensors, scale: float, reason: str) -> None:
    for augment in POLICIES.values():
        with pytest.raises(ValueError, match=reason):
            made(of, augment, scale)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rand_augment": -1}, r"augment\.rand_augment must be 0 or more, not -1"),
        ({"rand_augment_magnitude": 11}, r"augment\.rand_augment_magnitude must lie in \[0, 10\], not 11"),
        ({"rand_augment_std": -0.5}, r"augment\.rand_augment_std must be 0 or more"),
        ({"rand_augment_probability": 2}, r"augment\.rand_augment_probability must lie in \[0, 1\]"),
        ({"rand_augment": 1, "trivial_augment": True}, "exclude each other"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augment(**settings)


def test_a_modifier_alone_changes_nothing() -> None:
    assert Augment(rand_augment_magnitude=3, mix_switch=0.1, mix_until=3, erase_with="noise").is_identity
