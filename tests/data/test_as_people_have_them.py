"""MNIST and similar sets as people have them: still gzipped, or named by the folder of the set itself."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from snntrain.data import idx, vision
from snntrain.data.dataset import Data
from snntrain.doctor import storage
from snntrain.errors import UserError
from tests.hostile.fuzz import damages

from .files import NO_NETWORK, pictures, write_emnist, write_idx, write_mnist

SETS = [(vision.mnist, "MNIST"), (vision.fashion_mnist, "FashionMNIST"), (vision.kmnist, "KMNIST")]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    for kind in (datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST):
        monkeypatch.setattr(kind, "mirrors", [NO_NETWORK])
    monkeypatch.setattr(datasets.EMNIST, "url", NO_NETWORK + "gzip.zip")


def zipped(*files: Path) -> None:
    """Replace each file by <name>.gz, which has no published checksum."""
    for file in files:
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), compresslevel=1))
        file.unlink()


def same(one: Data, other: Data) -> bool:
    return all(
        torch.equal(getattr(one, part).images, getattr(other, part).images)
        and torch.equal(getattr(one, part).labels, getattr(other, part).labels)
        for part in ("train", "validation", "test")
    )


@pytest.mark.parametrize(("load", "folder"), SETS)
@pytest.mark.parametrize("count", [1, 4])
def test_gzipped_files_are_read_where_they_lie(
    count: int, load: Callable[..., Data], folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = write_mnist(tmp_path, folder)
    plain = load(str(tmp_path), validation=0.25)
    zipped(*sorted(raw.iterdir())[:count])
    before = {path: path.read_bytes() for path in raw.iterdir()}
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert same(load(str(tmp_path), validation=0.25), plain)
    assert before == {path: path.read_bytes() for path in raw.iterdir()}


def test_gzipped_files_of_emnist_are_read(tmp_path: Path) -> None:
    write_emnist(tmp_path, "balanced", pictures(94), np.arange(94, dtype=np.uint8) % 47)
    plain = vision.emnist(str(tmp_path), validation=0.5)
    zipped(*(tmp_path / "EMNIST" / "raw").iterdir())
    assert same(vision.emnist(str(tmp_path), validation=0.5), plain)


def test_a_plain_file_is_read_rather_than_the_one_beside_it(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path)
    for file in list(raw.iterdir()):
        file.with_name(f"{file.name}.gz").write_bytes(b"none")
    assert len(vision.mnist(str(tmp_path)).test) == 20


def test_a_damaged_gzip_file_is_reported(tmp_path: Path) -> None:
    write_idx(tmp_path / "images", pictures(3, 4, 4))
    zipped(tmp_path / "images")
    path = tmp_path / "images.gz"
    good, refused = path.read_bytes(), 0
    for content in damages(good, "gzip", 300):
        path.write_bytes(content)
        try:
            read = idx.read_idx(tmp_path / "images", 3)
        except UserError as error:
            refused += 1
            (line,) = error.lines
            assert "images.gz is damaged: " in line
        else:
            np.testing.assert_array_equal(read, pictures(3, 4, 4))
    assert refused > 200


def test_a_gzip_file_that_expands_without_end_is_not_expanded_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idx, "MOST_BYTES", 2**22)
    (tmp_path / "images.gz").write_bytes(gzip.compress(bytes((0, 0, 8, 3)) + bytes(2**26)))
    with (tmp_path / "images.gz").open("rb") as file:
        assert len(idx._unzipped(file)) <= 2**22 + idx.AT_A_TIME
    with pytest.raises(UserError, match=r"images\.gz is damaged"):
        idx.read_idx(tmp_path / "images", 3)


@pytest.mark.parametrize(("load", "folder"), SETS)
@pytest.mark.parametrize("named", ["{}", "{}/", "{}/raw", "./{}/raw/../raw", "link"])
def test_the_folder_of_the_set_itself_names_its_data_root(
    named: str, load: Callable[..., Data], folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = write_mnist(tmp_path, folder)
    (tmp_path / "link").symlink_to(raw)
    monkeypatch.chdir(tmp_path)
    assert same(load(named.format(folder)), load(str(tmp_path)))
    monkeypatch.chdir(raw)
    assert same(load("."), load(str(tmp_path)))


def test_the_folder_of_a_set_may_itself_be_a_data_root(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_mnist(tmp_path / "MNIST", test=30)
    assert len(vision.mnist(str(tmp_path / "MNIST")).test) == 30


def test_another_sets_folder_is_not_taken_for_one(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path, "FashionMNIST")
    with pytest.raises(UserError, match=r"raw itself holds train-.*if these are mnist's, move them to .*raw/MNIST/raw"):
        vision.mnist(str(raw))
    with pytest.raises(UserError, match=r"FashionMNIST/MNIST/raw lacks train-images"):
        vision.mnist(str(raw.parent))


def test_files_in_the_data_root_itself_get_a_message_with_the_right_folder(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path)
    zipped(raw / "t10k-labels-idx1-ubyte")
    raw.rename(tmp_path / "mine")
    raw.parent.rmdir()
    with pytest.raises(UserError) as error:
        vision.mnist(str(tmp_path / "mine"))
    (line,) = error.value.lines
    assert line.startswith(f"dataset=mnist: {tmp_path / 'mine'} itself holds train-images-idx3-ubyte, train-labels")
    assert f"move them to {tmp_path / 'mine' / 'MNIST' / 'raw'}" in line
    assert sorted(os.listdir(tmp_path)) == ["mine"]


def test_doctor_finds_the_same_files(tmp_path: Path) -> None:
    from snntrain.config.compose import composer

    zipped(*write_mnist(tmp_path).iterdir())
    with composer() as compose:
        for root in (tmp_path, tmp_path / "MNIST", tmp_path / "MNIST" / "raw"):
            option = compose(["dataset=mnist", f"dataset.root={root}"]).dataset
            findings = {found.label: found.text for found in storage.data_sets({"mnist": option}, option)}
            assert findings["complete"] == "mnist"


@pytest.mark.parametrize("load", [vision.mnist, vision.emnist])
def test_a_download_that_fails_makes_no_folder(load: Callable[..., Data], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the download failed"):
        load(str(tmp_path / "new" / "root"))
    assert os.listdir(tmp_path) == []
