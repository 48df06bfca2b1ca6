"""Damaged, foreign and hostile files of data sets and pictures: one clear line, nothing executed, nothing written."""

import io
import os
import pickle
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from snntrain.data import decoding, digits, idx, picture_file, vision
from snntrain.data.dataset import Data, ImageTensors
from snntrain.errors import UserError
from tests.data.files import write_idx, write_mnist

from .fuzz import Tried, damages, is_readable


def refused(read: Callable[[], object]) -> bool:
    """Return whether reading raises a readable UserError; any other exception is a bug."""
    Tried.cases += 1
    # A warning would add a line on the terminal.
    with warnings.catch_warnings(action="error"):
        try:
            read()
        except UserError as error:
            assert is_readable(error), error.lines
            return True
    return False


def test_a_damaged_idx_file_is_read_as_its_header_says_or_refused(tmp_path: Path) -> None:
    path, images = tmp_path / "images", np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    write_idx(path, images)
    good = path.read_bytes()
    for number, content in enumerate(damages(good, "idx", 1000, head=len(good))):
        path.write_bytes(content)
        if not refused(lambda: idx.read_idx(path, 3)):
            shape = struct.unpack(">III", content[4:16])
            assert content[:4] == good[:4], number
            np.testing.assert_array_equal(idx.read_idx(path, 3), np.frombuffer(content[16:], np.uint8).reshape(shape))


@pytest.mark.parametrize(
    "sizes", [(0xFFFFFFFF,) * 3, (2**31, 2, 1), (5, 0, 28), (5, 28, 0), (0, 0, 0), (0xFFFFFFFF, 0, 0)]
)
def test_a_header_that_promises_too_much_or_no_pixels_is_refused(sizes: tuple[int, ...], tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(bytes((0, 0, 8, 3)) + struct.pack(">III", *sizes))
    with pytest.raises(UserError, match="is damaged"):
        idx.read_idx(tmp_path / "images", 3)


def test_a_data_set_of_damaged_files_is_refused_or_whole(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path)
    files = sorted(raw.iterdir())
    before = {path: path.read_bytes() for path in files}
    for path, good in before.items():
        for content in damages(good, path.name, 60):
            path.write_bytes(content)
            if not refused(lambda: vision.mnist(str(tmp_path))):
                data = vision.mnist(str(tmp_path))
                assert data.train[0].shape[0] == 1
                assert int(data.train.labels.max()) < 10
        path.write_bytes(good)
    assert sorted(raw.iterdir()) == files
    assert [path for path in tmp_path.iterdir() if path.name != "MNIST"] == []


def test_the_package_file_of_the_digits_is_refused_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, sound = digits.FILE.read_bytes(), digits._read()
    monkeypatch.setattr(digits, "FILE", tmp_path / "optdigits.npz")
    for content in damages(good, "digits", 150):
        digits.FILE.write_bytes(content)
        if not refused(digits._read):
            # The changed bytes do not matter: a date, a comment.
            assert all(torch.equal(ours, theirs) for ours, theirs in zip(digits._read(), sound, strict=True))


class Executing:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.file}",)


def test_a_pickle_in_place_of_the_digits_is_not_executed(canary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "FILE", canary.with_name("optdigits.npz"))
    np.savez(digits.FILE, images=np.array([Executing(canary)], object), labels=np.zeros(1797, np.uint8))
    with pytest.raises(UserError, match="install snntrain again"):
        digits.load()
    digits.FILE.write_bytes(pickle.dumps(Executing(canary)))
    with pytest.raises(UserError, match="install snntrain again"):
        digits.load()


def grey() -> Data:
    split = ImageTensors(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 1]))
    return Data("some", split, split, split, ("a", "b"))


def encoded(form: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 3), np.uint8)
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    image = image.convert("P") if form == "GIF" else image.convert("RGBA") if form in ("PNG", "WEBP") else image
    image.save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", decoding.FORMATS)
def test_a_damaged_picture_is_read_or_refused(form: str, tmp_path: Path) -> None:
    path, good = tmp_path / "image.png", encoded(form)
    for content in damages(good, form, 80, head=40):
        path.write_bytes(content)
        if not refused(lambda: picture_file.read(path, grey())):
            assert picture_file.read(path, grey())[0].shape == (1, 8, 8)


def png(width: int, height: int) -> bytes:
    """Return a PNG of a few hundred bytes that promises that many pixels and holds all of its first rows."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(12_000, 12_000), (50_000, 50_000), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1)]
)
def test_a_small_file_that_promises_billions_of_pixels_is_refused(width: int, height: int, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png(width, height))
    assert refused(lambda: picture_file.read(tmp_path / "bomb.png", grey()))


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(executed) (w) file closefile\n",
        b"%PDF-1.7\n",
        b"PK\x03\x04",
        b"\x00" * 1000,
        "kein Bild".encode("utf-16"),
    ],
    ids=["svg", "postscript", "pdf", "zip", "zeros", "text"],
)
def test_a_file_is_not_a_picture_by_its_name_alone(content: bytes, canary: Path) -> None:
    """PostScript is a program, which Pillow would pass to Ghostscript; it is not among the formats that are read."""
    path = canary.with_name("image.png")
    path.write_bytes(content)
    assert refused(lambda: picture_file.read(path, grey()))


def test_a_format_is_recognised_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(encoded("GIF"))
    assert picture_file.read(tmp_path / "image.png", grey())[0].shape == (1, 8, 8)


@pytest.mark.parametrize("mode", ["LAB", "CMYK", "YCbCr", "F", "I", "I;16", "LA", "1", "P"])
def test_colours_that_no_screen_has_are_converted_or_refused(mode: str, tmp_path: Path) -> None:
    Image.new(mode, (9, 9)).save(tmp_path / "image.tif")
    if not refused(lambda: picture_file.read(tmp_path / "image.tif", grey())):
        assert picture_file.read(tmp_path / "image.tif", grey())[0].shape == (1, 8, 8)
