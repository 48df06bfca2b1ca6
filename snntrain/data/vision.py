"""The public image sets: MNIST and its family, CIFAR and SVHN, in torchvision's layout of files.

torchvision (2 s to import) is loaded only to download, and for CIFAR and SVHN. Each function takes

    root: folder of all data sets, or of this one; None for `$SNNTRAIN_DATA`, else the user's cache folder
    validation: share of the training images that is held out, stratified by class, default 0.1
    split_seed: seed of that split, default 0

and raises UserError if files are damaged, or missing and cannot be downloaded.
"""

import hashlib
import io
import pickle
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snntrain.data.dataset import Data, ImageTensors, hold_out
from snntrain.data.download import obtain
from snntrain.data.idx import damaged, read_pair
from snntrain.data.root import data_root
from snntrain.data.source import ANOTHER_WAY, Source
from snntrain.errors import UserError
from snntrain.files import bounded

IDX = ("images-idx3-ubyte", "labels-idx1-ubyte")
PARTS = ("train", "test")
# The largest file with a published checksum, one of SVHN's, has 182 MB.
MOST_BYTES = 2**29
DIGITS = tuple(string.digits)
FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
ALPHANUMERIC = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)
# Letters that look alike in upper and lower case share a class in EMNIST's merged sets.
MERGED = tuple(c for c in ALPHANUMERIC if c not in "cijklmopsuvwxyz")
EMNIST = {
    "balanced": MERGED,
    "letters": tuple(string.ascii_lowercase),
    "digits": DIGITS,
    "mnist": DIGITS,
    "byclass": ALPHANUMERIC,
    "bymerge": MERGED,
}


def mnist(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Return handwritten digits, 28x28, 60,000 to train on and 10,000 to test (LeCun et al., 1998)."""
    train, test = _idx_splits(_mnist_source("mnist", "MNIST"), root, DIGITS)
    return hold_out("mnist", train, test, DIGITS, validation=validation, split_seed=split_seed)


def fashion_mnist(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Return articles of clothing in the format of MNIST (Xiao, Rasul and Vollgraf, 2017)."""
    train, test = _idx_splits(_mnist_source("fashion_mnist", "FashionMNIST"), root, FASHION)
    return hold_out("fashion_mnist", train, test, FASHION, validation=validation, split_seed=split_seed)


def kmnist(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Return cursive Japanese characters in the format of MNIST (Clanuwat et al., 2018)."""
    train, test = _idx_splits(_mnist_source("kmnist", "KMNIST"), root, KUZUSHIJI)
    return hold_out("kmnist", train, test, KUZUSHIJI, validation=validation, split_seed=split_seed)


def emnist(root: str | None = None, validation: float = 0.1, split_seed: int = 0, split: str = "balanced") -> Data:
    """Return handwritten letters and digits, 28x28 (Cohen et al., 2017).

    Args:
        split: balanced, letters, digits, mnist, byclass or bymerge; one download of 560 MB has all of them.
    """
    if split not in EMNIST:
        raise UserError(f"dataset.split={split}: must be one of dataset=emnist's: {', '.join(EMNIST)}")
    first = 1 if split == "letters" else 0
    # In the files every image is mirrored along its diagonal.
    train, test = (
        ImageTensors(part.images.mT.contiguous(), part.labels)
        for part in _idx_splits(_emnist_source(split), root, EMNIST[split], first)
    )
    return hold_out("emnist", train, test, EMNIST[split], validation=validation, split_seed=split_seed)


def cifar10(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Return colour photographs of 10 things, 32x32, 50,000 to train on and 10,000 to test (Krizhevsky, 2009)."""
    train, test, names = _cifar("cifar10", _datasets().CIFAR10, root, "labels")
    return hold_out("cifar10", train, test, names, validation=validation, split_seed=split_seed)


def cifar100(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Return colour photographs of 100 things, 32x32, 50,000 to train on and 10,000 to test (Krizhevsky, 2009)."""
    train, test, names = _cifar("cifar100", _datasets().CIFAR100, root, "fine_labels")
    return hold_out("cifar100", train, test, names, validation=validation, split_seed=split_seed)


def svhn(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Return Street View house numbers, 32x32, 73,257 to train on and 26,032 to test (Netzer et al., 2011)."""
    from scipy.io import loadmat

    kind = _datasets().SVHN
    folder = obtain(_svhn_source(), data_root(root))
    splits = []
    for part in PARTS:
        _, file, md5 = kind.split_list[part]
        # Images [H, W, C, N]; the digit 0 has the label 10.
        content = loadmat(io.BytesIO(_verified(folder / file, md5)))
        images = torch.from_numpy(np.ascontiguousarray(content["X"].transpose(3, 2, 0, 1)))
        labels = content["y"].astype(np.int64).flatten() % 10
        splits.append(ImageTensors(images, torch.from_numpy(labels)))
    return hold_out("svhn", splits[0], splits[1], DIGITS, validation=validation, split_seed=split_seed)


def source(name: str, split: str = "balanced") -> Source | None:
    """Return place and origin of a data set; None if this module has no such set.

    Args:
        name: name of one of the functions above.
        split: split of EMNIST.

    Raises:
        UserError: torchvision does not work; it knows the files of CIFAR and SVHN.
    """
    known: dict[str, Callable[[], Source]] = {
        "mnist": lambda: _mnist_source("mnist", "MNIST"),
        "fashion_mnist": lambda: _mnist_source("fashion_mnist", "FashionMNIST"),
        "kmnist": lambda: _mnist_source("kmnist", "KMNIST"),
        "emnist": lambda: _emnist_source(split),
        "cifar10": lambda: _cifar_source("cifar10", _datasets().CIFAR10),
        "cifar100": lambda: _cifar_source("cifar100", _datasets().CIFAR100),
        "svhn": _svhn_source,
    }
    return known[name]() if name in known else None


def _mnist_source(name: str, torchvision_name: str) -> Source:
    files = tuple(f"{part}-{kind}" for part in ("train", "t10k") for kind in IDX)
    folder = f"{torchvision_name}/raw"
    return Source(
        name,
        folder,
        files,
        tuple(f"{folder}/{file}.gz" for file in files),
        lambda at: getattr(_datasets(), torchvision_name)(at, download=True),
        gzipped=True,
    )


def _emnist_source(split: str) -> Source:
    return Source(
        "emnist",
        "EMNIST/raw",
        tuple(f"emnist-{split}-{part}-{kind}" for part in PARTS for kind in IDX),
        ("EMNIST/raw/gzip.zip",),
        lambda folder: _datasets().EMNIST(folder, split=split, download=True),
        gzipped=True,
    )


def _cifar_source(name: str, kind: Any) -> Source:
    files = tuple(file for file, _ in (*kind.train_list, *kind.test_list, (kind.meta["filename"], None)))
    return Source(name, kind.base_folder, files, (kind.filename,), lambda folder: kind(folder, download=True))


def _svhn_source() -> Source:
    kind = _datasets().SVHN
    files = tuple(kind.split_list[part][1] for part in PARTS)

    def fetch(folder: Path) -> None:
        for part in PARTS:
            kind(folder, split=part, download=True)

    return Source("svhn", "", files, files, fetch)


def _idx_splits(
    source: Source, root: str | None, class_names: tuple[str, ...], first_label: int = 0
) -> tuple[ImageTensors, ImageTensors]:
    """Return training and test images; `source.files` lists images and labels of the first, then of the second."""
    folder = obtain(source, data_root(root))
    splits = []
    for images, labels in (source.files[:2], source.files[2:]):
        pictures, classes = read_pair(folder / images, folder / labels, first_label, len(class_names))
        splits.append(ImageTensors(pictures.unsqueeze(1), classes))
    return splits[0], splits[1]


def _cifar(
    name: str, kind: Any, root: str | None, label_key: str
) -> tuple[ImageTensors, ImageTensors, tuple[str, ...]]:
    """Return training images, test images and class names, from the pickles of torchvision's class `kind`."""
    meta = (kind.meta["filename"], kind.meta["md5"])
    folder = obtain(_cifar_source(name, kind), data_root(root))

    def read(file: str, md5: str) -> dict[str, Any]:
        # A pickle can run any code: only bytes with the published checksum are loaded.
        content: dict[str, Any] = pickle.loads(_verified(folder / file, md5), encoding="latin1")
        return content

    splits = []
    for listed in (kind.train_list, kind.test_list):
        parts = [read(file, md5) for file, md5 in listed]
        images = np.concatenate([part["data"] for part in parts]).reshape(-1, 3, 32, 32)
        labels = torch.tensor([label for part in parts for label in part[label_key]])
        splits.append(ImageTensors(torch.from_numpy(images), labels))
    return splits[0], splits[1], tuple(read(*meta)[kind.meta["key"]])


def _verified(path: Path, md5: str) -> bytes:
    """Return the content of a file after checking its checksum; the returned bytes are the checked ones."""
    try:
        content = bounded.read(path, MOST_BYTES)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; make it readable, or {ANOTHER_WAY}") from error
    except bounded.Refused as error:
        raise damaged(path, str(error)) from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise damaged(path, f"its MD5 checksum is {found}, not {md5}")
    return content


def _datasets() -> Any:
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another torch
        raise UserError(
            f"torchvision does not work here ({error}); install torch and torchvision together, "
            "from the same index, or take dataset=digits, which does not need it"
        ) from error
    return datasets
