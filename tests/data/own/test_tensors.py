"""Arrays in an .npz file as a data set."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from snntrain.data.own.labels import numbered
from snntrain.data.own.tensors import load
from snntrain.errors import UserError

RANDOM = np.random.default_rng(0)
Arrays = dict[str, Any]


def saved(folder: Path, **arrays: Any) -> str:
    np.savez(folder / "my.npz", **arrays)
    return str(folder / "my.npz")


def images(count: int = 30, *shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, *(shape or (6, 5))), np.uint8)


def labels(count: int = 30, classes: int = 3) -> np.ndarray:
    return np.arange(count) % classes


def test_missing_parts_are_held_out_stratified_and_seeded(tmp_path: Path) -> None:
    file = saved(tmp_path, x_train=images(300), y_train=labels(300))
    data = load(file=file, validation=0.1, test=0.2)
    assert (len(data.train), len(data.validation), len(data.test)) == (216, 24, 60)
    assert data.test.labels.bincount().tolist() == [20, 20, 20]
    again, other = load(file=file), load(file=file, split_seed=1)
    assert torch.equal(data.test.images, again.test.images)
    assert not torch.equal(data.test.images, other.test.images)
    together = torch.cat([data.train.images, data.validation.images, data.test.images]).flatten(1)
    assert len(together.unique(dim=0)) == 300


def test_given_parts_are_taken_as_they_are(tmp_path: Path) -> None:
    arrays = {f"{kind}_{part}": make(10) for part in ("train", "val", "test") for kind, make in MAKERS.items()}
    data = load(file=saved(tmp_path, **arrays))
    for split, part in ((data.train, "train"), (data.validation, "val"), (data.test, "test")):
        np.testing.assert_array_equal(split.images[:, 0], arrays[f"x_{part}"])
        np.testing.assert_array_equal(split.labels, arrays[f"y_{part}"])


MAKERS: dict[str, Callable[[int], np.ndarray]] = {"x": images, "y": labels}


@pytest.mark.parametrize(
    ("shape", "axes", "sample", "scale"),
    [
        ((6, 5), None, (1, 6, 5), 255.0),
        ((3, 6, 5), None, (3, 6, 5), 255.0),
        ((6, 5, 3), "NHWC", (3, 6, 5), 255.0),
        ((7, 2, 6, 5), None, (7, 2, 6, 5), 1.0),
        ((7, 6, 5), "NTHW", (7, 1, 6, 5), 1.0),
        ((7, 6, 5, 2), "NTHWC", (7, 2, 6, 5), 1.0),
        ((7, 12), "NTU", (7, 12), 1.0),
    ],
)
def test_the_axes_of_an_array(
    shape: tuple[int, ...], axes: str | None, sample: tuple[int, ...], scale: float, tmp_path: Path
) -> None:
    array = images(30, *shape)
    data = load(file=saved(tmp_path, x_train=array, y_train=labels(), x_test=array, y_test=labels()), axes=axes)
    assert (tuple(data.test[0].shape), data.scale) == (sample, scale)
    assert sorted(data.test[3].flatten().tolist()) == sorted(array[3].flatten().tolist())
    if axes == "NHWC":
        np.testing.assert_array_equal(data.test[3][1], array[3, :, :, 1])


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", ">f4"])
def test_floats_keep_their_values_in_any_range(kind: str, tmp_path: Path) -> None:
    array = (RANDOM.normal(size=(30, 6, 5)) * 50 - 20).astype(kind)
    data = load(file=saved(tmp_path, x_train=array, y_train=labels(), x_test=array, y_test=labels()))
    assert data.scale == 1.0
    assert data.test.images.dtype == torch.float32
    np.testing.assert_array_equal(data.test.images[:, 0], array.astype(np.float32))


@pytest.mark.parametrize("kind", ["int64", "uint16", "int8", "bool"])
def test_whole_numbers_become_bytes(kind: str, tmp_path: Path) -> None:
    array = RANDOM.integers(0, 2 if kind == "bool" else 100, (30, 6, 5)).astype(kind)
    data = load(file=saved(tmp_path, x_train=array, y_train=labels(), x_test=array, y_test=labels()))
    assert data.test.images.dtype == torch.uint8
    np.testing.assert_array_equal(data.test.images[:, 0], array.astype(np.uint8) * (255 if kind == "bool" else 1))


@pytest.mark.parametrize(
    ("given", "names", "first"),
    [
        (np.arange(30) % 3 + 1, ("1", "2", "3"), [0, 1, 2]),
        (np.arange(30) % 3 * 10 - 10, ("-10", "0", "10"), [0, 1, 2]),
        (np.array(["dog", "cat"] * 15), ("cat", "dog"), [1, 0, 1]),
        (np.array([b"dog", b"cat"] * 15), ("cat", "dog"), [1, 0, 1]),
        (np.arange(30.0) % 2, ("0", "1"), [0, 1, 0]),
        (np.arange(30) % 2 == 0, ("0", "1"), [1, 0, 1]),
        ((np.arange(30) % 2)[:, None], ("0", "1"), [0, 1, 0]),
    ],
)
def test_labels_of_any_kind_are_numbered(
    given: np.ndarray, names: tuple[str, ...], first: list[int], tmp_path: Path
) -> None:
    data = load(file=saved(tmp_path, x_train=images(), y_train=given, x_test=images(), y_test=given))
    assert data.class_names == names
    assert data.test.labels[:3].tolist() == first


@given(st.lists(st.integers(-(2**40), 2**40), min_size=2, unique=True), st.data())
def test_numbered_labels_name_the_given_ones(values: list[int], draw: st.DataObject) -> None:
    array = np.array([*values, *draw.draw(st.lists(st.sampled_from(values)))])
    found, names = numbered({"train": array}, {"train": len(array)}, None)
    assert [int(names[label]) for label in found["train"]] == array.tolist()
    assert sorted(set(found["train"].tolist())) == list(range(len(values)))


def test_changed_labels_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        load(file=saved(tmp_path, x_train=images(), y_train=labels() * 2 + 1))
    assert "labels 1, 3, 5 become classes 0 to 2, which keep these names" in caplog.text


def test_names_of_classes_can_be_given(tmp_path: Path) -> None:
    file = saved(tmp_path, x_train=images(), y_train=labels(), classes=np.array(["a", "b", "c"]))
    assert load(file=file).class_names == ("a", "b", "c")


def test_lengths_of_sequences_are_kept(tmp_path: Path) -> None:
    lengths = np.arange(30) % 7 + 1
    file = saved(tmp_path, x_train=images(30, 7, 12), y_train=labels(), lengths_train=lengths)
    data = load(file=file, axes="NTU")
    assert sum(int(split.lengths.sum()) for split in (data.train, data.validation, data.test)) == lengths.sum()


def test_a_relative_file_lies_below_the_root(tmp_path: Path) -> None:
    saved(tmp_path, x_train=images(), y_train=labels())
    assert load(root=str(tmp_path), file="my.npz").name == "tensors"


GOOD: Arrays = {"x_train": images(), "y_train": labels()}
REFUSED: dict[str, tuple[Arrays, str]] = {
    "no training samples": ({"x_test": images(), "y_test": labels()}, "needs x_train with y_train"),
    "labels are missing": ({"x_train": images()}, "needs x_train with y_train"),
    "labels of the test are missing": (GOOD | {"x_test": images()}, "needs x_test with y_test"),
    "one class": ({"x_train": images(), "y_train": np.zeros(30, int)}, "has a single class (0)"),
    "a class is missing in train": (
        GOOD | {"x_test": images(), "y_test": labels(30, 4)},
        "the class 3 has 0 samples in train",
    ),
    "a class is too small": (
        {"x_train": images(), "y_train": np.array([0] * 28 + [1] * 2)},
        "the class 1 has 2 samples in train, and needs 3",
    ),
    "too few labels": ({"x_train": images(), "y_train": labels(29)}, "has the shape [29], and x_train has 30 samples"),
    "labels in columns": ({"x_train": images(), "y_train": np.eye(3)[labels()]}, "as y_train.argmax(1)"),
    "fractions as labels": ({"x_train": images(), "y_train": labels() + 0.5}, "that are not whole numbers"),
    "labels that are not numbers": ({"x_train": images(), "y_train": np.full(30, np.nan)}, "not whole numbers"),
    "texts and numbers": (
        GOOD | {"x_test": images(), "y_test": np.array(["0", "1", "2"] * 10)},
        "some are texts and some are numbers",
    ),
    "a vector per sample": ({"x_train": images(30, 5), "y_train": labels()}, "x_train: has the shape [30, 5]"),
    "no samples": ({"x_train": images(0, 6, 5), "y_train": labels(0)}, "without a single number"),
    "channels at the end": ({"x_train": images(30, 6, 5, 3), "y_train": labels()}, "give dataset.axes=NHWC"),
    "numbers that are no bytes": ({"x_train": images().astype(int) * 2, "y_train": labels()}, "bytes go from 0 to 255"),
    "complex numbers": ({"x_train": images() + 1j, "y_train": labels()}, "must be uint8 or float32"),
    "numbers that are not finite": (
        {"x_train": np.where(np.arange(30)[:, None, None] == 4, np.inf, images()), "y_train": labels()},
        "1 of 30 samples have numbers that are not finite in float32, the first is x_train[4]",
    ),
    "numbers too large for float32": ({"x_train": images() * 1e300, "y_train": labels()}, "not finite in float32"),
    "parts of another size": (GOOD | {"x_test": images(30, 7, 5), "y_test": labels()}, "x_test: has samples [1, 7, 5]"),
    "parts of another type": (
        GOOD | {"x_test": images() / 255, "y_test": labels()},
        "of float32, and x_train has [1, 6, 5] of uint8",
    ),
    "an empty test": (GOOD | {"x_test": images(0, 6, 5), "y_test": labels(0)}, "x_test: has the shape [0, 6, 5]"),
    "names of too few classes": (GOOD | {"classes": np.array(["a", "b"])}, "names 2 classes, and the labels are from"),
    "the same name twice": (GOOD | {"classes": np.array(["a", "a", "b"])}, "at least 2 different names"),
    "names that are numbers": (GOOD | {"classes": np.arange(3)}, "at least 2 different names"),
    "lengths of images": (GOOD | {"lengths_train": np.ones(30, int)}, "lengths_train: must be one whole number"),
    "objects": ({"x_train": np.array([{}] * 30, dtype=object), "y_train": labels()}, "holds Python objects"),
    "records": ({"x_train": np.zeros(30, [("x", "u1")]), "y_train": labels()}, "which no data set has"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_cannot_be_used_are_explained_in_one_line(case: str, tmp_path: Path) -> None:
    arrays, message = REFUSED[case]
    with pytest.raises(UserError) as raised:
        load(file=saved(tmp_path, **arrays))
    assert message in str(raised.value)
    assert len(raised.value.lines) == 1


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-700])


def _promising(path: Path) -> None:
    """An array whose header promises a million times as many numbers as follow."""
    with zipfile.ZipFile(path, "w") as archive, archive.open("x_train.npy", "w") as member:
        np.lib.format.write_array_header_1_0(
            member, {"descr": "|u1", "fortran_order": False, "shape": (30_000_000, 6, 5)}
        )
        member.write(bytes(900))


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[300] ^= 255
    path.write_bytes(content)


DAMAGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda path: path.write_bytes(b""), "is not a complete .npz file"),
    "a text": (lambda path: path.write_text("x_train"), "is not a complete .npz file"),
    "a single array": (lambda path: np.save(path.open("wb"), images()), "is not a complete .npz file"),
    "half a file": (_truncated, "is not a complete .npz file"),
    "another byte": (_changed, "is not a complete .npz file"),
    "a header that promises more": (_promising, "promises 900,000,000 bytes, and 900 follow"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be read (Is a directory)"),
    "no file": (Path.unlink, "there is no such file"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_explained_in_one_line(case: str, tmp_path: Path) -> None:
    change, message = DAMAGED[case]
    file = Path(saved(tmp_path, **GOOD))
    change(file)
    with pytest.raises(UserError) as raised:
        load(file=str(file))
    assert message in str(raised.value)


def test_a_file_must_be_named() -> None:
    with pytest.raises(UserError, match=r"needs dataset\.file"):
        load()
