"""The user's own image files, made here by Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from snntrain.data import picture_file
from snntrain.data.dataset import Data, ImageTensors
from snntrain.errors import UserError


def data(channels: int = 1, height: int = 8, width: int = 8, scale: float = 255.0) -> Data:
    split = ImageTensors(torch.zeros(2, channels, height, width, dtype=torch.uint8), torch.tensor([0, 1]))
    return Data("some", split, split, split, ("a", "b"), scale)


def saved(folder: Path, pixels: np.ndarray, name: str = "image.png", mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(folder / name)
    return folder / name


def grey(height: int = 8, width: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)


def test_an_image_that_fits_is_taken_as_it_is(tmp_path: Path) -> None:
    image, done = picture_file.read(saved(tmp_path, grey()), data())
    np.testing.assert_array_equal(image[0], grey())
    assert (image.dtype, image.shape, done) == (torch.uint8, (1, 8, 8), [])


def test_intensities_are_stored_as_the_data_set_stores_them(tmp_path: Path) -> None:
    image, _ = picture_file.read(saved(tmp_path, grey()), data(scale=16.0))
    np.testing.assert_allclose(image[0], grey() / 255 * 16, atol=0.51)


def test_colours_are_made_grey_and_grey_is_made_colours(tmp_path: Path) -> None:
    colours = np.stack([grey(), grey(), grey()], axis=2)
    image, done = picture_file.read(saved(tmp_path, colours), data())
    np.testing.assert_allclose(image[0].int(), grey(), atol=1)
    assert done == ["made grey"]
    image, done = picture_file.read(saved(tmp_path, grey()), data(channels=3))
    np.testing.assert_array_equal(image, [grey()] * 3)
    assert done == ["made RGB"]


def test_colours_keep_their_channels(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    image, done = picture_file.read(saved(tmp_path, red), data(channels=3))
    assert (image[0] == 200).all()
    assert not image[1:].any()
    assert done == []


def test_a_large_image_is_scaled_and_keeps_its_aspect(tmp_path: Path) -> None:
    """A white image that is twice as wide as high is shown between two black bands."""
    image, done = picture_file.read(saved(tmp_path, np.full((40, 80), 255, np.uint8)), data())
    assert done == ["padded with black", "scaled from 80x40 to 8x8"]
    assert (image[0, 2:6] == 255).all()
    assert not image[0, [0, 1, 6, 7]].any()


def test_an_image_set_that_is_not_square_has_its_height_and_width(tmp_path: Path) -> None:
    image, done = picture_file.read(saved(tmp_path, grey(4, 12)), data(height=4, width=12))
    np.testing.assert_array_equal(image[0], grey(4, 12))
    assert done == []


def test_transparent_pixels_are_black(tmp_path: Path) -> None:
    pixels = np.full((8, 8, 4), 255, np.uint8)
    pixels[:4, :, 3] = 0
    image, done = picture_file.read(saved(tmp_path, pixels), data())
    assert not image[0, :4].any()
    assert (image[0, 4:] == 255).all()
    assert done == ["laid on black", "made grey"]


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.jpg", "L"), ("a.png", "P"), ("a.png", "1"), ("a.gif", "P"), ("a.bmp", "L"), ("a.png", "I;16")],
)
def test_common_formats_are_read(name: str, mode: str, tmp_path: Path) -> None:
    half = np.zeros((8, 8), np.uint8)
    half[4:] = 255
    pixels = half.astype(np.uint16) * 257 if mode == "I;16" else half
    image, _ = picture_file.read(saved(tmp_path, pixels, name, None if mode == "I;16" else mode), data())
    assert image[0, :3].max() < 30
    assert image[0, 5:].min() > 225


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_a_file_that_is_not_an_image_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(content)
    with pytest.raises(UserError, match="is not a readable image"):
        picture_file.read(tmp_path / "image.png", data())


def test_half_an_image_is_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path, grey(64, 64))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UserError, match="is not a readable image"):
        picture_file.read(path, data())


def test_a_data_set_without_colours_or_grey_accepts_no_image_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="some has 2 channels"):
        picture_file.read(saved(tmp_path, grey()), data(channels=2))
