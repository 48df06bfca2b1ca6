"""Missing files: downloaded whole, or not at all and with a message to the user."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torchvision import datasets

from snntrain.data import vision
from snntrain.data.dataset import Data
from snntrain.data.download import Source, obtain
from snntrain.errors import UserError

from .files import NO_NETWORK, mirror, write_mnist

MNIST_FILES = (
    *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)


class Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print nothing; the default writes a line per request to the terminal."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Start a server on this machine for a small MNIST, from which torchvision downloads."""
    folder = tmp_path / "server"
    monkeypatch.setattr(datasets.MNIST, "resources", mirror(write_mnist(tmp_path / "original"), folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{http.server_port}/"])
        yield folder
        http.shutdown()
        thread.join()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NO_NETWORK])
    monkeypatch.setattr(datasets.EMNIST, "url", NO_NETWORK + "gzip.zip")
    monkeypatch.setattr(datasets.CIFAR10, "url", NO_NETWORK + "cifar-10-python.tar.gz")
    parts = {part: [NO_NETWORK + part, f"{part}_32x32.mat", "0" * 32] for part in ("train", "test")}
    monkeypatch.setattr(datasets.SVHN, "split_list", parts)


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_missing_files_are_downloaded_and_only_these_are_kept(server: Path, tmp_path: Path) -> None:
    root = tmp_path / "new" / "root"
    data = vision.mnist(str(root), validation=0.25)
    assert (len(data.train), len(data.validation), len(data.test)) == (30, 10, 20)
    assert everything_below(root) == sorted(f"MNIST/raw/{name}" for name in MNIST_FILES)


def test_an_existing_file_is_not_replaced(server: Path, tmp_path: Path) -> None:
    raw = write_mnist(tmp_path / "root", train=50)
    own = (raw / MNIST_FILES[0]).read_bytes()
    (raw / MNIST_FILES[3]).unlink()
    vision.mnist(str(tmp_path / "root"))
    assert (raw / MNIST_FILES[0]).read_bytes() == own
    assert (raw / MNIST_FILES[3]).is_file()


def test_existing_archives_are_unpacked_without_a_network(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "root" / "MNIST" / "raw"
    raw.parent.mkdir(parents=True)
    server.rename(raw)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NO_NETWORK])
    assert len(vision.mnist(str(tmp_path / "root")).test) == 20


def test_a_download_cut_short_leaves_no_file(server: Path, tmp_path: Path) -> None:
    archive = server / "train-images-idx3-ubyte.gz"
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"the download failed \(File not found or corrupted"):
        vision.mnist(str(tmp_path / "root"))
    assert everything_below(tmp_path / "root") == []


def test_an_interrupted_download_leaves_no_file(tmp_path: Path) -> None:
    def fetch(folder: Path) -> None:
        (folder / "set").mkdir()
        (folder / "set" / "images").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain(Source("set", "set", ("images",), (), fetch), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("load", "folder", "names"),
    [
        (vision.mnist, "MNIST/raw", MNIST_FILES),
        (vision.emnist, "EMNIST/raw", ["emnist-balanced-train-images-idx3-ubyte"]),
        (vision.cifar10, "cifar-10-batches-py", ["data_batch_1", "data_batch_5", "test_batch", "batches.meta"]),
        (vision.svhn, "", ["train_32x32.mat", "test_32x32.mat"]),
    ],
)
def test_missing_and_no_network_is_reported_in_one_line(
    load: Callable[..., Data], folder: str, names: Sequence[str], tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        load(str(tmp_path))
    (line,) = error.value.lines
    assert "\n" not in line
    assert f"dataset={load.__name__}: {tmp_path / folder} lacks" in line
    assert all(name in line for name in names)
    assert "refused" in line
    assert "dataset.root or SNNTRAIN_DATA" in line
    assert "dataset=digits" in line
    assert everything_below(tmp_path) == []


@pytest.mark.usefixtures("no_network")
def test_only_the_missing_files_are_named(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path)
    (raw / MNIST_FILES[1]).unlink()
    with pytest.raises(UserError, match=r"lacks train-labels-idx1-ubyte and"):
        vision.mnist(str(tmp_path))


def test_a_data_root_that_cannot_be_written_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"the data root .*file/sets cannot be written .*dataset\.root") as error:
        vision.mnist(str(tmp_path / "file" / "sets"))
    assert len(error.value.lines) == 1


def test_nothing_is_written_if_no_file_is_missing(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path, *tmp_path.rglob("*"))}
    vision.mnist(str(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path, *tmp_path.rglob("*"))} == before
