"""Odd picture files: what each of them becomes, or why it cannot be read."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snntrain.data import decoding
from snntrain.data.own.bad_files import BadPicture
from snntrain.data.own.image_folder import Picture

HALF = np.zeros((8, 8), np.uint8)
HALF[4:] = 255
COLOURS = np.zeros((8, 8, 3), np.uint8)
COLOURS[..., 0], COLOURS[..., 2] = 200, 40


def read(path: Path, channels: int = 1, side: int = 8, fit: str = "crop") -> np.ndarray:
    return Picture(path, 0, channels, side, side, fit).read()


def write(path: Path, image: Image.Image, kind: str | None = None, **options: object) -> None:
    image.save(path, kind, **options)


def _png(
    path: Path, width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]
) -> None:
    """Write a PNG from its table of bytes, for kinds that Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    content = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def _grey_of_16_bits(path: Path) -> None:
    write(path, Image.fromarray(HALF.astype(np.uint16) * 257))


def _dark_of_16_bits(path: Path) -> None:
    write(path, Image.fromarray(np.where(HALF, 0x3FFF, 0x01FF).astype(np.uint16)))


def _colours_of_16_bits(path: Path) -> None:
    values = np.stack([HALF.astype(np.uint16) * 257] * 3, axis=2).astype(">u2")
    _png(path, 8, 8, 16, 2, b"".join(b"\0" + row.tobytes() for row in values))


def _rotated(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned clockwise by 90 degrees.
    write(path, Image.fromarray(np.rot90(HALF)), "PNG", exif=exif)


def _transparent(path: Path) -> None:
    write(path, Image.fromarray(np.dstack([np.full((8, 8, 3), 255, np.uint8), HALF])))


def _transparent_palette(path: Path) -> None:
    image = Image.fromarray(HALF // 255, "P")
    image.putpalette([255, 255, 255, 255, 255, 255])
    write(path, image, "PNG", transparency=0)


def _grey_with_alpha(path: Path) -> None:
    write(path, Image.fromarray(np.dstack([np.full((8, 8), 255, np.uint8), HALF]), "LA"))


def _animated(path: Path) -> None:
    frames = [Image.fromarray(HALF), Image.fromarray(255 - HALF)]
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:])


def _broken_exif(path: Path) -> None:
    write(path, Image.fromarray(HALF), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")


# Each has its upper half black and its lower half white.
HALVES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "PNG": ("a.png", lambda path: write(path, Image.fromarray(HALF))),
    "JPEG": ("a.jpg", lambda path: write(path, Image.fromarray(HALF), quality=95)),
    "JPEG, capital letters": ("A.JPEG", lambda path: write(path, Image.fromarray(HALF), quality=95)),
    "BMP": ("a.bmp", lambda path: write(path, Image.fromarray(HALF))),
    "WebP": ("a.webp", lambda path: write(path, Image.fromarray(HALF), lossless=True)),
    "TIFF": ("a.tif", lambda path: write(path, Image.fromarray(HALF))),
    "PNG with the suffix of a JPEG": ("a.jpg", lambda path: write(path, Image.fromarray(HALF), "PNG")),
    "a name with spaces": ("ein Bild (1).png", lambda path: write(path, Image.fromarray(HALF))),
    "a name with other letters": ("写真.png", lambda path: write(path, Image.fromarray(HALF))),
    "1 bit": ("a.png", lambda path: write(path, Image.fromarray(HALF).convert("1"))),
    "palette": ("a.png", lambda path: write(path, Image.fromarray(HALF).convert("P"))),
    "CMYK": ("a.jpg", lambda path: write(path, Image.fromarray(HALF).convert("CMYK"), quality=95)),
    "CMYK in TIFF": ("a.tif", lambda path: write(path, Image.fromarray(HALF).convert("CMYK"))),
    "16 bits": ("a.png", _grey_of_16_bits),
    "16 bits in TIFF": ("a.tif", _grey_of_16_bits),
    "16 bits in colours": ("a.png", _colours_of_16_bits),
    "RGBA": ("a.png", _transparent),
    "a palette with a transparent colour": ("a.png", _transparent_palette),
    "grey with transparency": ("a.png", _grey_with_alpha),
    "turned by EXIF": ("a.png", _rotated),
    "the first of several pictures": ("a.gif", _animated),
    "a damaged EXIF": ("a.png", _broken_exif),
}


@pytest.mark.parametrize("case", HALVES)
def test_an_odd_picture_shows_what_a_person_sees(case: str, tmp_path: Path) -> None:
    name, make = HALVES[case]
    make(tmp_path / name)
    for channels in (1, 3):
        found = read(tmp_path / name, channels)
        assert (found.shape, found.dtype) == ((channels, 8, 8), np.uint8)
        assert found[:, :4].max() < 30
        assert found[:, 4:].min() > 225


def test_dark_pictures_of_16_bits_are_not_made_white(tmp_path: Path) -> None:
    _dark_of_16_bits(tmp_path / "a.png")
    found = read(tmp_path / "a.png")
    assert set(found[0, :4].flatten().tolist()) == {1}
    assert set(found[0, 4:].flatten().tolist()) == {0x3F}


def test_colours_stay_and_become_grey_by_their_brightness(tmp_path: Path) -> None:
    write(tmp_path / "a.png", Image.fromarray(COLOURS))
    assert [int(channel.max()) for channel in read(tmp_path / "a.png", 3)] == [200, 0, 40]
    assert int(read(tmp_path / "a.png").max()) == round(0.299 * 200 + 0.114 * 40)


@pytest.mark.parametrize("fit", decoding.FITS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
def test_pictures_of_a_pixel_or_a_line_are_scaled(shape: tuple[int, int], fit: str, tmp_path: Path) -> None:
    write(tmp_path / "a.png", Image.fromarray(np.full(shape, 200, np.uint8)))
    found = read(tmp_path / "a.png", fit=fit)
    assert found.shape == (1, 8, 8)
    assert found.max() == 200


def _bomb(path: Path) -> None:
    _png(path, 20_000, 20_000, 1, 0, bytes(20_000 * 2501))


def _lying_bomb(path: Path) -> None:
    """A header that promises four billion pixels, and no data."""
    _png(path, 65_000, 65_000, 8, 2, b"")


def _float_tiff(path: Path) -> None:
    write(path, Image.fromarray(HALF.astype(np.float32)))


def _cut(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF"}[path.suffix])
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])


def _flipped(path: Path) -> None:
    """A PNG with another byte in its data, so that the checksum is wrong."""
    write(path, Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no byte": ("a.png", Path.touch, "not a picture"),
    "a text": ("a.png", lambda path: path.write_text("hello"), "not a picture"),
    "a web page in place of a picture": ("a.jpg", lambda path: path.write_text("<html>404</html>"), "not a picture"),
    "a format that is not read": ("a.png", lambda path: write(path, Image.fromarray(HALF), "PPM"), "not a picture"),
    "the signature alone": ("a.png", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), ""),
    "half a PNG": ("a.png", _cut, ""),
    "half a JPEG": ("a.jpg", _cut, "truncated"),
    "half a TIFF": ("a.tif", _cut, ""),
    "another byte": ("a.png", _flipped, ""),
    "a decompression bomb": ("a.png", _bomb, "more than 100,000,000 pixels"),
    "a header of a bomb": ("a.png", _lying_bomb, "more than 100,000,000 pixels"),
    "numbers without a white": ("a.tif", _float_tiff, "no fixed white; save it with 8 or 16 bits"),
    "a folder": ("a.png", Path.mkdir, "Is a directory"),
    "a link that leads nowhere": ("a.png", lambda path: path.symlink_to("gone"), "No such file"),
    "a pipe": ("a.png", os.mkfifo, "not a regular file"),
    "a device": ("a.png", lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_picture_that_cannot_be_read_is_explained(case: str, tmp_path: Path) -> None:
    name, make, reason = BAD[case]
    make(tmp_path / name)
    with pytest.raises(BadPicture) as raised:
        read(tmp_path / name)
    assert len(raised.value.lines) == 1
    assert name in str(raised.value)
    assert reason in str(raised.value)
