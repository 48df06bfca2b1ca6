"""Pictures in folders as a data set."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from snntrain.data import picture_file
from snntrain.data.dataset import Data
from snntrain.data.own.image_folder import load
from snntrain.errors import UserError
from tests.data.own.folders import classes, pixels, save


def all_images(*splits: object) -> set[bytes]:
    return {split[index].numpy().tobytes() for split in splits for index in range(len(split))}  # type: ignore[arg-type, index]


def test_pictures_of_the_right_size_are_taken_to_the_bit(tmp_path: Path) -> None:
    classes(tmp_path / "train")
    classes(tmp_path / "val", 2)
    classes(tmp_path / "test", 3)
    data = load(str(tmp_path), size=(8, 8), channels=1)
    assert (data.class_names, data.shape, data.scale) == (("cat", "dog"), (1, 8, 8), 255.0)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [20, 4, 6]
    assert data.test.labels.tolist() == [0, 1, 0, 1, 0, 1]
    for index in range(6):
        np.testing.assert_array_equal(data.test[index][0], pixels(1000 * (index % 2) + index // 2))


def test_parts_without_a_folder_are_held_out_stratified(tmp_path: Path) -> None:
    data = load(str(classes(tmp_path, 20)), size=(8, 8), channels=1, validation=0.25, test=0.2)
    parts = (data.train, data.validation, data.test)
    assert [split.labels.bincount().tolist() for split in parts] == [[12, 12], [4, 4], [4, 4]]
    assert len(all_images(*parts)) == 40
    again = load(str(tmp_path), size=(8, 8), channels=1, validation=0.25, test=0.2)
    assert all_images(again.test) == all_images(data.test)
    other = load(str(tmp_path), size=(8, 8), channels=1, validation=0.25, test=0.2, split_seed=1)
    assert all_images(other.test) != all_images(data.test)


def wide() -> np.ndarray:
    """A picture of 8x16: black, white, white, black."""
    picture = np.zeros((8, 16), np.uint8)
    picture[:, 4:12] = 255
    return picture


@pytest.mark.parametrize(
    ("fit", "white"),
    [
        ("crop", [[1, 1], [1, 1]]),
        ("pad", [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]),
        ("squash", [[0, 1, 1, 0]]),
    ],
)
def test_another_aspect_ratio_is_cropped_padded_or_squashed(fit: str, white: list[list[int]], tmp_path: Path) -> None:
    for name in ("a", "b"):
        for number in range(3):
            save(tmp_path / name / f"{number}.png", wide())
    image = load(str(tmp_path), size=(8, 8), channels=1, fit=fit).test[0][0].float()
    rows = torch.nn.functional.adaptive_avg_pool2d(image.view(1, 1, 8, 8), (len(white), len(white[0])))[0, 0]
    if fit == "crop":
        assert (image == 255).all()
    assert (rows > 100).int().tolist() == white


def test_a_picture_that_is_inspected_is_fitted_as_those_of_the_data_set(tmp_path: Path) -> None:
    save(tmp_path / "wide.png", wide())
    data = load(str(classes(tmp_path / "set")), size=(8, 8), channels=1, fit="crop")
    image, done = picture_file.read(tmp_path / "wide.png", data)
    assert (image == 255).all()
    assert done[0] == "cropped to its centre"


def test_the_second_use_reads_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = classes(tmp_path)
    first = load(str(root), size=(8, 8), channels=1)
    monkeypatch.setattr(Image, "open", lambda *given, **more: pytest.fail("a picture was read again"))
    again = load(str(root), size=(8, 8), channels=1)
    assert all_images(again.train, again.test) == all_images(first.train, first.test)


@pytest.mark.parametrize("change", ["another picture", "a new picture", "another class", "another size"])
def test_a_change_is_noticed(change: str, tmp_path: Path) -> None:
    root, size = classes(tmp_path), (8, 8)
    before = load(str(root), size=size, channels=1)
    if change == "another picture":
        save(root / "cat" / "000.png", pixels(77, 9, 9))
    if change == "a new picture":
        save(root / "cat" / "new.png", pixels(78))
    if change == "another class":
        (root / "dog" / "000.png").rename(root / "cat" / "moved.png")
    if change == "another size":
        size = (4, 4)
    after = load(str(root), size=size, channels=1)
    assert content(after) != content(before)


def content(data: Data) -> tuple[set[bytes], list[int]]:
    parts = (data.train, data.validation, data.test)
    return all_images(*parts), torch.cat([split.labels for split in parts]).bincount().tolist()


def _with_bad(root: Path) -> Path:
    classes(root)
    (root / "cat" / "empty file.png").touch()
    (root / "dog" / "text.jpg").write_text("no picture")
    (root / "dog" / "gone.png").symlink_to(root / "dog" / "nothing")
    whole = save(root / "dog" / "half.png", pixels(5, 64, 64))
    whole.write_bytes(whole.read_bytes()[:-500])
    return root


def test_pictures_that_cannot_be_read_are_counted_and_listed(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        load(str(_with_bad(tmp_path)), size=(8, 8), channels=1)
    first, *files = raised.value.lines
    assert "4 of 24 pictures cannot be read" in first
    assert "dataset.skip_bad=true" in first
    assert [name for line in files for name in ("empty file", "text", "gone", "half") if name in line] == [
        "empty file",
        "gone",
        "half",
        "text",
    ]


def test_pictures_that_cannot_be_read_are_left_out_on_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        data = load(str(_with_bad(tmp_path)), size=(8, 8), channels=1, skip_bad=True)
    assert sum(map(len, (data.train, data.validation, data.test))) == 20
    assert "4 of 24" in caplog.text


def test_many_bad_pictures_are_named_in_part(tmp_path: Path) -> None:
    classes(tmp_path, 3)
    for number in range(30):
        (tmp_path / "cat" / f"bad{number:02}.png").touch()
    with pytest.raises(UserError) as raised:
        load(str(tmp_path), size=(8, 8), channels=1)
    assert len(raised.value.lines) == 22
    assert raised.value.lines[-1].strip() == "and 10 more"


def test_a_class_with_too_few_pictures_is_named(tmp_path: Path) -> None:
    classes(tmp_path, 5)
    save(tmp_path / "rare" / "1.png", pixels(1))
    with pytest.raises(UserError, match="the class rare has 1 sample in train, and needs 3"):
        load(str(tmp_path), size=(8, 8), channels=1)


def test_a_class_that_the_test_lacks_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    classes(tmp_path / "train", 5)
    classes(tmp_path / "test", 2, ("cat",))
    with caplog.at_level(logging.WARNING):
        load(str(tmp_path), size=(8, 8), channels=1)
    assert "test has no sample of dog" in caplog.text
