import math
from typing import Any

import pytest
import torch
from torch import Tensor

from snntrain.data.augment import Augment, resample


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(n: int, channels: int = 2, height: int = 9, width: int = 9) -> Tensor:
    return torch.rand(n, channels, height, width, generator=seeded(1))


def changed(augment: Augment, x: Tensor, generator: torch.Generator) -> Tensor:
    """Return images `[N, C, H, W]`, or sequences `[T, N, C, H, W]`, changed by new draws."""
    return resample(x, augment.maps(augment.draw(x.shape[-4], generator), *x.shape[-2:]))


def dot(n: int, height: int, width: int, row: float, column: float) -> Tensor:
    """Return a round dot, centred that many pixels from the middle."""
    y = torch.arange(height).view(-1, 1) - (height - 1) / 2
    x = torch.arange(width) - (width - 1) / 2
    return torch.exp(-((y - row) ** 2 + (x - column) ** 2) / 8).expand(n, 1, height, width).contiguous()


def centre(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return row and column of the centre of mass of each image, from the middle."""
    mass = x.sum((1, 2, 3))
    y = torch.arange(x.shape[2]).view(-1, 1) - (x.shape[2] - 1) / 2
    column = torch.arange(x.shape[3]) - (x.shape[3] - 1) / 2
    return (x * y).sum((1, 2, 3)) / mass, (x * column).sum((1, 2, 3)) / mass


def test_augmentation_that_is_off_changes_nothing() -> None:
    assert Augment().is_identity
    torch.testing.assert_close(changed(Augment(), noise(4), seeded()), noise(4))


@pytest.mark.parametrize(
    "augment",
    [Augment(degrees=1), Augment(translate=0.1), Augment(scale=(1, 1.1)), Augment(crop_padding=1), Augment(flip=True)],
)
def test_every_setting_alone_changes_images(augment: Augment) -> None:
    assert not augment.is_identity
    x = noise(8)
    assert not torch.allclose(changed(augment, x, seeded()), x, atol=1e-3)


# Wider than high: a rotation without the aspect ratio would leave the circle.
@pytest.mark.parametrize(("height", "width"), [(41, 41), (41, 61)])
def test_rotation_moves_a_dot_along_a_circle_within_the_angle(height: int, width: int) -> None:
    row, column = centre(changed(Augment(degrees=40), dot(300, height, width, 0, 10), seeded()))
    torch.testing.assert_close(torch.hypot(row, column), torch.full((300,), 10.0), atol=0.05, rtol=0)
    angle = torch.atan2(row, column) * 180 / math.pi
    assert -40.5 < angle.min() < -35
    assert 35 < angle.max() < 40.5
    assert angle.mean().abs() < 5


def test_translation_moves_by_up_to_a_share_of_each_side() -> None:
    row, column = centre(changed(Augment(translate=0.2), dot(300, 40, 60, 0, 0), seeded()))
    assert 7 < row.abs().max() < 8.05
    assert 10.5 < column.abs().max() < 12.05
    assert row.mean().abs() < 1
    assert column.mean().abs() < 1.5


def test_zoom_above_1_enlarges() -> None:
    x = dot(1, 41, 41, 0, 8)
    assert centre(changed(Augment(scale=(1.5, 1.5)), x, seeded()))[1].item() == pytest.approx(12, abs=0.05)
    assert centre(changed(Augment(scale=(0.5, 0.5)), x, seeded()))[1].item() == pytest.approx(4, abs=0.05)


def test_zoom_stays_in_its_range() -> None:
    _, column = centre(changed(Augment(scale=(0.8, 1.2)), dot(200, 41, 41, 0, 10), seeded()))
    assert 7.9 < column.min() < 8.3
    assert 11.7 < column.max() < 12.1


def test_crop_shifts_by_whole_pixels_up_to_the_padding() -> None:
    x, padding = noise(120, height=7, width=8), 2
    padded = torch.nn.functional.pad(x, [padding] * 4)
    seen = set()
    for image, crops in zip(changed(Augment(crop_padding=padding), x, seeded()), padded, strict=True):
        matches = [
            (dy, dx)
            for dy in range(2 * padding + 1)
            for dx in range(2 * padding + 1)
            if torch.allclose(image, crops[:, dy : dy + 7, dx : dx + 8], atol=1e-4)
        ]
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) == (2 * padding + 1) ** 2


def test_flip_mirrors_about_every_other_image() -> None:
    x = noise(200)
    result = changed(Augment(flip=True), x, seeded())
    mirrored = torch.tensor([torch.allclose(a, b.flip(-1), atol=1e-4) for a, b in zip(result, x, strict=True)])
    kept = torch.tensor([torch.allclose(a, b, atol=1e-4) for a, b in zip(result, x, strict=True)])
    assert torch.equal(kept, ~mirrored)
    assert 70 < mirrored.sum() < 130


def test_flip_does_not_change_the_other_draws() -> None:
    x = noise(50)
    plain, flipped = (changed(Augment(crop_padding=2, flip=flip), x, seeded()) for flip in (False, True))
    same = [torch.allclose(a, b, atol=1e-4) for a, b in zip(plain, flipped, strict=True)]
    assert 10 < sum(same) < 40


def test_the_generator_decides() -> None:
    x, augment = noise(5), Augment(30, 0.1, (0.8, 1.2), 2, True)
    generator = seeded()
    first, second = changed(augment, x, generator), changed(augment, x, generator)
    assert torch.equal(first, changed(augment, x, seeded()))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("sizes", [[64, 64, 33], [7, 1, 30, 2], [1] * 20], ids=str)
def test_maps_of_many_batches_at_once_are_those_of_each_to_the_bit(sizes: list[int]) -> None:
    augment = Augment(30, 0.1, (0.8, 1.2), 2, True)
    draws = [augment.draw(n, seeded(n)) for n in sizes]
    together = augment.maps(torch.cat(draws, dim=1), 28, 30)
    assert torch.equal(together, torch.cat([augment.maps(u, 28, 30) for u in draws]))


def test_images_of_a_batch_are_changed_independently() -> None:
    result = changed(Augment(degrees=30), noise(1).repeat(4, 1, 1, 1), seeded())
    assert not any(torch.allclose(result[0], other) for other in result[1:])


def test_all_steps_of_a_sequence_are_changed_alike() -> None:
    augment = Augment(30, 0.1, (0.8, 1.2), 2, True)
    steps = torch.stack([noise(6), noise(6) ** 2, 1 - noise(6)])
    images = changed(augment, steps, seeded())
    assert images.shape == steps.shape
    for step, result in zip(steps, images, strict=True):
        torch.testing.assert_close(result, changed(augment, step, seeded()))


def test_intensities_stay_between_0_and_1() -> None:
    result = changed(Augment(90, 0.3, (0.5, 2.0), 3, True), noise(40), seeded())
    assert result.min() >= 0
    assert result.max() <= 1 + 1e-6


def test_autocast_does_not_blur_the_geometry() -> None:
    x, augment = noise(8, height=64, width=64), Augment(30, 0.1, (0.8, 1.2), 2, True)
    exact = changed(augment, x, seeded())
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(changed(augment, x, seeded()), exact)


def test_a_list_from_a_config_is_a_range() -> None:
    assert Augment(scale=[1, 1]).is_identity  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"degrees": -1}, r"augment\.degrees must lie in \[0, 180\], not -1"),
        ({"degrees": 181}, r"augment\.degrees"),
        ({"translate": 1.0}, r"augment\.translate must lie in \[0, 1\), not 1\.0"),
        ({"scale": (1.2, 0.8)}, r"augment\.scale must be \[lo, hi\]"),
        ({"scale": (0.0, 1.0)}, r"augment\.scale"),
        ({"scale": (1.0, 1.0, 1.0)}, r"augment\.scale must be \[lo, hi\]"),
        ({"crop_padding": -1}, r"augment\.crop_padding must be 0 or more"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augment(**settings)
