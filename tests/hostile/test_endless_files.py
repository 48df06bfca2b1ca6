"""Pipes, devices, holes and bombs in the place of data and pictures: one line, at once, in little memory."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from torchvision import datasets

from snntrain.data import idx, picture_file, vision
from snntrain.data.download import only_read
from snntrain.errors import UserError
from snntrain.files import bounded
from tests.conftest import TINY, Outcome
from tests.data.files import NO_NETWORK, write_mnist

from .fuzz import Tried, is_readable, output_is_readable
from .test_data_files import grey

TERABYTES = 3 * 10**12


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def holes(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(TERABYTES)


def promised_holes(path: Path) -> None:
    """Create an IDX file of holes with the length that its header promises."""
    path.write_bytes(bytes((0, 0, 8, 3)) + struct.pack(">III", 3_000_000, 1000, 1000))
    with path.open("r+b") as file:
        file.truncate(TERABYTES + 16)


ENDLESS = {"a pipe": pipe, "a device": device, "holes": holes, "holes with a header": promised_holes}
READERS: dict[str, Callable[[Path], object]] = {
    "idx": lambda path: idx.read_idx(path, 3),
    "a picture": lambda path: picture_file.read(path, grey()),
    "a file with a checksum": lambda path: vision._verified(path, "0" * 32),
}


def refused(read: Callable[[], object], most: int = 2**24) -> str:
    """Return the message for a file that is not read, within that much memory."""
    Tried.cases += 1
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as caught:
            read()
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
    assert is_readable(caught.value), caught.value.lines
    return str(caught.value)


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("reader", READERS)
def test_an_endless_file_is_not_read(kind: str, reader: str, tmp_path: Path) -> None:
    ENDLESS[kind](tmp_path / "file")
    said = refused(lambda: READERS[reader](tmp_path / "file"))
    assert "not a regular file" in said or "more than" in said


def test_a_gzip_file_has_an_end_too(tmp_path: Path) -> None:
    pipe(tmp_path / "images.gz")
    refused(lambda: idx.read_idx(tmp_path / "images", 3))


def test_a_file_that_is_replaced_meanwhile_is_read_as_it_was_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"first")
    with bounded.open_regular(tmp_path / "file") as opened:
        pipe(tmp_path / "other")
        (tmp_path / "other").replace(tmp_path / "file")
        assert opened.read() == b"first"


def test_a_file_of_unknown_length_is_read_to_its_end() -> None:
    assert bounded.read(Path("/proc/self/cmdline"), 10_000)
    with pytest.raises(bounded.Refused, match="more than 0 MB"):
        bounded.read(Path("/proc/self/cmdline"), 1)


@pytest.mark.parametrize("kind", ["a pipe", "a device", "holes"])
def test_a_data_set_with_endless_files_is_reported(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NO_NETWORK])
    monkeypatch.setenv("no_proxy", "*")
    raw = write_mnist(tmp_path)
    for file in sorted(raw.iterdir()):
        kept = file.read_bytes()
        file.unlink()
        ENDLESS[kind](file)
        refused(lambda: vision.mnist(str(tmp_path)))
        file.unlink()
        file.write_bytes(kept)
    vision.mnist(str(tmp_path))


def test_an_endless_archive_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.CIFAR10, "url", NO_NETWORK + "cifar-10-python.tar.gz")
    monkeypatch.setenv("no_proxy", "*")
    for make in (pipe, device, holes):
        archive = tmp_path / datasets.CIFAR10.filename
        make(archive)
        assert "the download failed" in refused(lambda: vision.cifar10(str(tmp_path)))
        archive.unlink()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*extra: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(8 * 9)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + pixels + chunk(b"IEND", b"")


ZEROS = zlib.compress(bytes(200_000_000), 9)


def many_pages(count: int) -> bytes:
    file = io.BytesIO()
    pages = [Image.fromarray(np.full((8, 8), number % 256, np.uint8)) for number in range(count)]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    return file.getvalue()


def animated(form: str) -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(np.full((8, 8), number, np.uint8)) for number in range(200)]
    frames[0].save(file, form, save_all=True, append_images=frames[1:])
    return file.getvalue()


def with_text() -> bytes:
    file, texts = io.BytesIO(), PngImagePlugin.PngInfo()
    for number in range(100):
        texts.add_text(f"key{number}", "x" * 900_000, zip=True)
    Image.new("L", (8, 8)).save(file, "PNG", pnginfo=texts)
    return file.getvalue()


# Small files that expand to hundreds of megabytes in a reader that decodes all of their content.
BOMBS: dict[str, Callable[[], bytes]] = {
    "a text": lambda: png(chunk(b"zTXt", b"key\0\0" + ZEROS)),
    "a colour profile": lambda: png(chunk(b"iCCP", b"key\0\0" + ZEROS)),
    "many texts": with_text,
    "pixels beyond the picture": lambda: png().replace(
        chunk(b"IDAT", zlib.compress(bytes(8 * 9))), chunk(b"IDAT", ZEROS)
    ),
    "pages": lambda: many_pages(800),
    "an animation": lambda: animated("GIF"),
    "an animation of PNGs": lambda: animated("PNG"),
    "an animation of WebPs": lambda: animated("WEBP"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_picture_takes_no_more_memory_than_its_first_image(kind: str, tmp_path: Path) -> None:
    Tried.cases += 1
    path = tmp_path / "image.png"
    path.write_bytes(BOMBS[kind]())
    tracemalloc.start()
    try:
        image, _ = picture_file.read(path, grey())
        assert image.shape == (1, 8, 8)
    except UserError as error:
        assert is_readable(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 100_000_000


@pytest.mark.parametrize("make", [pipe, device, holes])
def test_inspect_does_not_wait_for_a_picture(
    make: Callable[[Path], None], finished_run: Path, snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    make(tmp_path / "image.png")
    outcome = snntrain("inspect", f"run={finished_run}", "image=image.png", "out=seen")
    assert (outcome.status, outcome.out) == (2, "")
    assert output_is_readable(outcome.err)
    assert not (tmp_path / "seen").exists()


@pytest.fixture
def of_mnist(tmp_path: Path, snntrain: Callable[..., Outcome]) -> Path:
    """Return the folder of a run on MNIST; its configuration names a data root without the files."""
    write_mnist(tmp_path / "data")
    named = f"dataset.root={tmp_path / 'data'}"
    assert snntrain(*TINY, "dataset=mnist", named, "hydra.run.dir=run").status == 0
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    return tmp_path / "run"


@pytest.mark.parametrize(
    "command",
    [
        ("eval", "run=run"),
        pytest.param(("inspect", "run=run"), marks=pytest.mark.slow),
        ("resume=run", "trainer.epochs=3"),
    ],
)
def test_nothing_is_downloaded_to_a_folder_that_only_the_file_of_a_run_names(
    command: tuple[str, ...], of_mnist: Path, snntrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def fetch(root: Path, **options: object) -> None:
        asked.append(root)
        raise OSError("no network")

    monkeypatch.setattr(datasets, "MNIST", fetch)
    outcome = snntrain(*command)
    assert outcome.status == 2
    assert "nothing is downloaded there" in outcome.err
    assert f"give dataset.root={of_mnist.parent / 'data'} on the command line" in outcome.err
    assert output_is_readable(outcome.err)
    assert not asked
    assert not (of_mnist.parent / "data").exists()
    # Files are downloaded to the folder that the command line names, and to the default one.
    assert "the download failed (no network)" in snntrain(*command, f"dataset.root={of_mnist.parent / 'data'}").err
    monkeypatch.setenv("SNNTRAIN_DATA", str(of_mnist.parent / "default"))
    assert "the download failed (no network)" in snntrain(*command, "dataset.root=null").err
    assert len(asked) == 2
    # If they exist, they are read.
    (of_mnist.parent / "elsewhere").rename(of_mnist.parent / "data")
    assert snntrain(*command).status == 0


def test_the_root_of_a_file_may_be_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NO_NETWORK])
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("SNNTRAIN_DATA", str(tmp_path))
    with only_read(str(tmp_path), tmp_path / "config.yaml"), pytest.raises(UserError, match="the download failed"):
        vision.mnist(str(tmp_path))


def test_eval_and_inspect_start_no_workers_of_the_runs(
    finished_run: Path, snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snntrain.data import batches

    started: list[int] = []

    class Counted(batches.Workers):
        def __init__(self, split: object, count: int) -> None:
            started.append(count)
            super().__init__(split, count)  # type: ignore[arg-type]

    monkeypatch.setattr(batches, "Workers", Counted)
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "best.pt").write_bytes((finished_run / "checkpoints" / "best.pt").read_bytes())
    config = (finished_run / "config.yaml").read_text()
    config = config.replace("workers: 0", "workers: 200").replace("resident: auto", "resident: never")
    (run / "config.yaml").write_text(config)
    for command in ("eval", "inspect"):
        assert snntrain(command, f"run={run}").status == 0
    assert [count for count in started if count] == []
    assert snntrain("eval", f"run={run}", "dataset.workers=1").status == 0
    assert 1 in started
