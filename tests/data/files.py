"""Writers of tiny data sets in the formats and layouts of the real ones."""

import gzip
import hashlib
import pickle
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
# No server listens on port 9: the connection is refused at once, as on a machine without a network.
NO_NETWORK = "http://127.0.0.1:9/"


def write_idx(path: Path, array: Bytes) -> None:
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + array.tobytes())


def write_mnist(root: Path, folder: str = "MNIST", train: int = 40, test: int = 20) -> Path:
    """Write a set in the layout of MNIST, with labels 0 to 9 in turn; return the folder of its files."""
    raw = root / folder / "raw"
    for part, count in (("train", train), ("t10k", test)):
        write_idx(raw / f"{part}-images-idx3-ubyte", pictures(count))
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 10)
    return raw


def pictures(count: int, *shape: int) -> Bytes:
    """Return random images, all different."""
    size = (count, *(shape or (28, 28)))
    return np.random.default_rng(count).integers(0, 256, size, dtype=np.uint8)


def write_emnist(root: Path, split: str, images: Bytes, labels: Bytes) -> None:
    for part in ("train", "test"):
        write_idx(root / "EMNIST" / "raw" / f"emnist-{split}-{part}-images-idx3-ubyte", images)
        write_idx(root / "EMNIST" / "raw" / f"emnist-{split}-{part}-labels-idx1-ubyte", labels)


def write_pickle(path: Path, content: dict[str, object]) -> str:
    """Write a pickle; return its MD5 checksum."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content))
    return md5(path)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def mirror(raw: Path, folder: Path) -> list[tuple[str, str]]:
    """Fill a download server's folder with the compressed files of `raw`; return the published names and checksums."""
    folder.mkdir()
    published = []
    for path in sorted(raw.iterdir()):
        archive = folder / f"{path.name}.gz"
        with path.open("rb") as plain, gzip.open(archive, "wb") as compressed:
            shutil.copyfileobj(plain, compressed)
        published.append((archive.name, md5(archive)))
    return published
