"""Caches are listed with their sizes and faults, and removed by name."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch

from snntrain.data.cache import caches, clear
from snntrain.doctor import storage
from snntrain.errors import UserError

from .recordings import cached, files, padded, ragged


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a data root with the caches of two sets, one of another version, and files of somebody else."""
    root = tmp_path / "data"
    for name, part, count in (("nmnist", "train", 30), ("nmnist", "test", 10), ("shd", "train", 20)):
        cached(root, ragged(count), name=name, part=part)
    (root / "MNIST").mkdir()
    folder = root / ".snntrain-cache"
    (folder / "notes.txt").touch()
    (folder / "old.frames").write_text("of somebody else")
    (folder / f"shd-test-{'0' * 16}.frames").write_bytes(b"\x89SNNFRM\n" + bytes(90))
    left = folder / f"shd-test-{'0' * 16}.00000000-00000000.tmp"
    left.write_bytes(bytes(1000))
    os.utime(left, (time.time() - 10**6,) * 2)
    return root


def test_caches_are_listed_by_name_with_their_sizes(root: Path) -> None:
    found = {(cache.name, cache.part, cache.samples, cache.fault) for cache in caches(root)}
    assert found == {
        ("nmnist", "train", 30, ""),
        ("nmnist", "test", 10, ""),
        ("shd", "train", 20, ""),
        ("shd", "test", 0, "it has version 0 of the format, not 1"),
        ("shd", "test", 0, "it was not completed"),
    }
    assert all(cache.nbytes == cache.path.stat().st_size for cache in caches(root))


def test_a_data_root_without_caches_has_none_and_gets_no_folder(tmp_path: Path) -> None:
    assert caches(tmp_path / "none") == clear(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_caches_are_removed_by_name(root: Path) -> None:
    assert {(cache.name, cache.part) for cache in clear(root, ["nmnist"])} == {("nmnist", "train"), ("nmnist", "test")}
    assert {cache.name for cache in caches(root)} == {"shd"}
    assert clear(root, ["mnist"]) == []
    assert len(clear(root)) == 3
    assert caches(root) == []
    # Files of somebody else stay, and so does the folder.
    assert files(root) == ["notes.txt", "old.frames"]


def test_the_folder_is_removed_with_the_last_cache(tmp_path: Path) -> None:
    cached(tmp_path / "data", ragged(3))
    assert len(clear(tmp_path / "data")) == 1
    assert list((tmp_path / "data").iterdir()) == []


def test_a_training_that_reads_a_removed_cache_continues(tmp_path: Path) -> None:
    split = cached(tmp_path, ragged(9))
    clear(tmp_path)
    assert torch.equal(split.stack(range(9)), padded(ragged(9)))


def test_caches_below_the_users_folder_are_listed_and_removed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    split = cached(tmp_path / "file", ragged(3))
    cached(tmp_path / "data", ragged(4))
    assert [(cache.path, cache.samples) for cache in caches(tmp_path / "file")] == [(split.path, 3)]
    assert [cache.path for cache in clear(tmp_path / "file")] == [split.path]
    assert not split.path.parent.exists()
    assert len(caches(tmp_path / "data")) == 1


def test_a_cache_that_cannot_be_removed_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "unlink", refused)
    with pytest.raises(
        UserError, match=r"nmnist-t\w+-\w+\.frames: cannot be deleted \(Permission denied\); delete it as"
    ):
        clear(root)


def test_doctor_lists_caches_with_sizes_and_what_cannot_be_used(root: Path) -> None:
    findings = list(storage.converted(root))
    assert [finding.label for finding in findings] == ["caches", "not usable", "not usable"]
    sizes = {cache.path.name: cache.nbytes for cache in caches(root) if not cache.fault}
    of_nmnist = sum(size for name, size in sizes.items() if name.startswith("nmnist"))
    assert findings[0].text.startswith(f"nmnist {of_nmnist / 1e6:.2f} MB, shd 0.01 MB, in ")
    assert findings[0].text.endswith("/data/.snntrain-cache")
    assert findings[1].text.endswith("it has version 0 of the format, not 1")
    assert findings[1].hint.endswith("cannot be used and takes 0.00 MB: delete it")
    assert list(storage.converted(root.parent)) == []
