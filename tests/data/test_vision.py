"""The public sets, from tiny files in their own formats and layouts."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from snntrain.data import vision
from snntrain.data.dataset import Data
from snntrain.data.root import data_root
from snntrain.errors import UserError

from .files import md5, pictures, write_emnist, write_idx, write_mnist, write_pickle


@pytest.mark.parametrize(
    ("load", "folder", "third"),
    [(vision.mnist, "MNIST", "2"), (vision.fashion_mnist, "FashionMNIST", "Pullover"), (vision.kmnist, "KMNIST", "su")],
)
def test_a_set_in_the_format_of_mnist_is_read_to_the_byte(
    load: Callable[..., Data], folder: str, third: str, tmp_path: Path
) -> None:
    write_mnist(tmp_path, folder)
    data = load(str(tmp_path), validation=0.25)
    assert data.name == load.__name__
    assert data.shape == (1, 28, 28)
    assert data.scale == 255
    assert len(data.class_names) == 10
    assert data.class_names[2] == third
    assert (len(data.train), len(data.validation)) == (30, 10)
    assert torch.equal(data.test.images[:, 0], torch.from_numpy(pictures(20)))
    assert torch.equal(data.test.labels, torch.arange(20) % 10)
    assert data.validation.labels.bincount().tolist() == [1] * 10


def test_images_and_labels_stay_together_in_the_splits(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    data = vision.mnist(str(tmp_path), validation=0.25)
    original = {image.tobytes(): index % 10 for index, image in enumerate(pictures(40))}
    for part in (data.train, data.validation):
        for image, label in zip(part.images, part.labels, strict=True):
            assert original.pop(image.numpy().tobytes()) == label
    assert not original


def test_the_environment_names_the_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path)
    monkeypatch.setenv("SNNTRAIN_DATA", str(tmp_path))
    assert len(vision.mnist().test) == 20


@pytest.mark.slow
def test_mnist_is_read_without_torchvision(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    program = "import sys; from snntrain.data import vision; vision.mnist(); print('torchvision' in sys.modules)"
    environment = {**os.environ, "SNNTRAIN_DATA": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"


def test_emnist_images_are_made_upright(tmp_path: Path) -> None:
    stored = pictures(94)
    write_emnist(tmp_path, "balanced", stored, np.arange(94, dtype=np.uint8) % 47)
    data = vision.emnist(str(tmp_path), validation=0.5)
    assert torch.equal(data.test.images[:, 0], torch.from_numpy(stored).transpose(1, 2))
    assert data.test.images.is_contiguous()


def test_emnist_letters_count_from_0(tmp_path: Path) -> None:
    write_emnist(tmp_path, "letters", pictures(52), np.arange(52, dtype=np.uint8) % 26 + 1)
    data = vision.emnist(str(tmp_path), validation=0.5, split="letters")
    assert torch.equal(data.test.labels, torch.arange(52) % 26)
    assert (data.class_names[0], data.class_names[25]) == ("a", "z")


@pytest.mark.parametrize("split", vision.EMNIST)
def test_the_class_names_of_emnist_are_torchvisions(split: str) -> None:
    names = [name for name in datasets.EMNIST.classes_split_dict[split] if name != "N/A"]
    assert list(vision.EMNIST[split]) == names


@pytest.mark.parametrize(
    ("names", "kind"), [(vision.FASHION, datasets.FashionMNIST), (vision.KUZUSHIJI, datasets.KMNIST)]
)
def test_the_other_class_names_are_torchvisions(names: Sequence[str], kind: type[datasets.MNIST]) -> None:
    assert list(names) == kind.classes


def test_an_unknown_split_of_emnist_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset\.split=greek: .*balanced, letters, digits"):
        vision.emnist(str(tmp_path), split="greek")


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write both CIFAR sets with 20 + 10 images; torchvision's checksums are replaced by those of these files."""
    ten, hundred = tmp_path / "cifar-10-batches-py", tmp_path / "cifar-100-python"
    images, labels = pictures(30, 3072), [*range(10)]
    listed = [
        [f"data_batch_{i}", write_pickle(ten / f"data_batch_{i}", {"data": images[10 * i :][:10], "labels": labels})]
        for i in (1, 2)
    ]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", listed)
    tested = [["test_batch", write_pickle(ten / "test_batch", {"data": images[:10], "labels": labels})]]
    monkeypatch.setattr(datasets.CIFAR10, "test_list", tested)
    checksum = write_pickle(ten / "batches.meta", {"label_names": [f"thing {i}" for i in range(10)]})
    monkeypatch.setattr(datasets.CIFAR10, "meta", {**datasets.CIFAR10.meta, "md5": checksum})
    fine = {"data": pictures(10, 3072), "coarse_labels": [0] * 10, "fine_labels": [i // 2 for i in range(10)]}
    for part in ("train", "test"):
        monkeypatch.setattr(datasets.CIFAR100, f"{part}_list", [[part, write_pickle(hundred / part, fine)]])
    checksum = write_pickle(hundred / "meta", {"fine_label_names": [f"thing {i}" for i in range(5)]})
    monkeypatch.setattr(datasets.CIFAR100, "meta", {**datasets.CIFAR100.meta, "md5": checksum})
    return tmp_path


def test_cifar_10_is_read_as_torchvision_reads_it(cifar: Path) -> None:
    data = vision.cifar10(str(cifar), validation=0.5)
    theirs = datasets.CIFAR10(str(cifar), train=False)
    assert data.shape == (3, 32, 32)
    assert (len(data.train), len(data.validation)) == (10, 10)
    assert torch.equal(data.test.images, torch.from_numpy(theirs.data).permute(0, 3, 1, 2))
    assert data.test.labels.tolist() == theirs.targets
    assert list(data.class_names) == theirs.classes


def test_cifar_100_has_its_fine_labels(cifar: Path) -> None:
    data = vision.cifar100(str(cifar), validation=0.5)
    assert data.test.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert data.class_names[4] == "thing 4"


@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
def test_a_cifar_file_with_another_checksum_is_named_and_not_unpickled(cifar: Path, name: str) -> None:
    path = cifar / "cifar-10-batches-py" / name
    path.write_bytes(b"cos\nsystem\n(S'touch harm'\ntR.")
    with pytest.raises(UserError, match=rf"{name} is damaged: its MD5 checksum is .*delete it"):
        vision.cifar10(str(cifar))
    assert not Path("harm").exists()


@pytest.fixture
def svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write SVHN with 20 images in each part and labels 1 to 10; torchvision's checksums are replaced."""
    from scipy.io import savemat

    parts = {}
    for part in ("train", "test"):
        path = tmp_path / f"{part}_32x32.mat"
        images = pictures(20, 3, 32, 32).transpose(2, 3, 1, 0)
        labels = (np.arange(20, dtype=np.uint8) % 10 + 1)[:, None]
        savemat(path, {"X": images, "y": labels}, do_compression=True)
        parts[part] = ["", path.name, md5(path)]
    monkeypatch.setattr(datasets.SVHN, "split_list", parts)
    return tmp_path


def test_svhn_is_read_and_its_zero_is_0(svhn: Path) -> None:
    data = vision.svhn(str(svhn), validation=0.5)
    assert data.shape == (3, 32, 32)
    assert torch.equal(data.test.images, torch.from_numpy(pictures(20, 3, 32, 32)))
    assert data.test.images.is_contiguous()
    assert data.test.labels.tolist() == [*range(1, 10), 0] * 2
    assert (len(data.train), len(data.validation)) == (10, 10)


def test_a_damaged_svhn_file_is_named(svhn: Path) -> None:
    path = svhn / "test_32x32.mat"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError, match=r"test_32x32\.mat is damaged"):
        vision.svhn(str(svhn))


IMAGES, LABELS = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("name", "damage", "finding"),
    [
        (IMAGES, lambda content: content[:-1], r"its header promises 40x28x28 bytes, it holds 31359"),
        (IMAGES, lambda content: content + b"\0", r"it holds 31361"),
        (IMAGES, lambda content: content[:10], r"it should begin with the bytes 00000803, not 00000803"),
        (IMAGES, lambda content: b"", r"not nothing"),
        (IMAGES, lambda content: b"<html>Not found</html>", r"begin with the bytes 00000803, not 3c68746d"),
        (LABELS, lambda content: content[:-1], r"its header promises 20 bytes, it holds 19"),
        (LABELS, lambda content: content[:3] + b"\3" + content[4:], r"bytes 00000801, not 00000803"),
        (LABELS, lambda content: content[:-1] + b"\12", r"its labels must run from 0 to 9"),
    ],
)
def test_a_damaged_idx_file_is_named_with_what_is_wrong(
    name: str, damage: Callable[[bytes], bytes], finding: str, tmp_path: Path
) -> None:
    path = write_mnist(tmp_path) / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=rf"{name} is damaged: .*{finding}.*delete it") as error:
        vision.mnist(str(tmp_path))
    assert len(error.value.lines) == 1


def test_labels_of_another_number_of_images_are_refused(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path)
    write_idx(raw / LABELS, np.zeros(19, np.uint8))
    with pytest.raises(UserError, match=rf"{LABELS} is damaged: it has 19 labels for the 20 images of t10k-images"):
        vision.mnist(str(tmp_path))


def test_files_without_a_single_image_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, test=0)
    with pytest.raises(UserError, match=rf"{LABELS} is damaged: it is empty"):
        vision.mnist(str(tmp_path))


@pytest.mark.skipif(not (data_root() / "MNIST" / "raw" / IMAGES).is_file(), reason="MNIST is not under SNNTRAIN_DATA")
def test_the_real_mnist_has_its_known_statistics() -> None:
    data = vision.mnist()
    assert (len(data.train) + len(data.validation), len(data.test)) == (60_000, 10_000)
    assert len(data.validation) == pytest.approx(6_000, abs=5)
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    everything = torch.cat([data.train.images, data.validation.images]).float() / 255
    assert everything.mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert everything.std().item() == pytest.approx(0.3081, abs=5e-5)
