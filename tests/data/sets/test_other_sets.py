"""N-Caltech101, CIFAR10-DVS, SHD and SSC, from synthetic files in their layouts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from snntrain.data.cache import caches
from snntrain.data.dataset import Data, Split, lengths_of
from snntrain.data.sets.cifar10_dvs import cifar10_dvs
from snntrain.data.sets.heidelberg import shd, ssc
from snntrain.data.sets.ncaltech101 import ncaltech101
from snntrain.errors import UserError

from .layouts import CIFAR, write_cifar10_dvs, write_ncaltech101, write_spikes, write_spikes_without_classes


def sizes(data: Data) -> tuple[int, int, int]:
    return len(data.train), len(data.validation), len(data.test)


def held(split: Split) -> set[bytes]:
    return {split[index].numpy().tobytes() for index in range(len(split))}


# ---- N-Caltech101 ----------------------------------------------------------------------------------------------------


def test_ncaltech101_has_the_classes_of_its_folders(tmp_path: Path) -> None:
    write_ncaltech101(tmp_path)
    data = ncaltech101(3, str(tmp_path), test=0.2)
    assert data.class_names == ("BACKGROUND_Google", "ant", "wild cat")
    assert sizes(data) == (21, 3, 6)
    assert data.train[0].shape == (3, 2, 180, 240)
    assert data.test.labels.bincount().tolist() == [2, 2, 2]


def test_ncaltech101_needs_two_classes(tmp_path: Path) -> None:
    write_ncaltech101(tmp_path, ("ant",))
    with pytest.raises(UserError, match=r"Caltech101 has 1 folders of classes; at least 2"):
        ncaltech101(3, str(tmp_path))


# ---- CIFAR10-DVS -----------------------------------------------------------------------------------------------------


def test_the_splits_differ_as_they_say(tmp_path: Path) -> None:
    """In the order of names 98 and 99 come after 901."""
    numbers = [*range(16), 98, 99, 900, 901]
    write_cifar10_dvs(tmp_path, numbers)
    splits = {split: cifar10_dvs(2, str(tmp_path), split=split) for split in ("first90", "numbered", "random")}
    assert {split: len(data.test) for split, data in splits.items()} == {"first90": 20, "numbered": 20, "random": 20}
    assert all(data.test.labels.bincount().tolist() == [2] * 10 for data in splits.values())
    rows = splits["numbered"].test.rows.tolist()  # type: ignore[attr-defined]
    names = sorted(f"cifar10_airplane_{number}.aedat" for number in numbers)
    assert [names[row] for row in rows[:2]] == ["cifar10_airplane_900.aedat", "cifar10_airplane_901.aedat"]
    rows = splits["first90"].test.rows.tolist()  # type: ignore[attr-defined]
    assert [names[row] for row in rows[:2]] == ["cifar10_airplane_98.aedat", "cifar10_airplane_99.aedat"]
    assert held(splits["random"].test) != held(splits["numbered"].test)
    assert len(caches(tmp_path)) == 1


def test_the_orientations_turn_the_same_recording(tmp_path: Path) -> None:
    write_cifar10_dvs(tmp_path, range(10))
    ours, jaer, tonic = (
        cifar10_dvs(1, str(tmp_path), orientation=name).test[0] for name in ("spikingjelly", "jaer", "tonic")
    )
    assert len(caches(tmp_path)) == 3
    # x = 127 - B, y = 127 - A against x = 127 - A, y = B, and x = B, y = A with the other polarity.
    assert torch.equal(jaer, ours.mT.flip(2))
    assert torch.equal(tonic, ours.flip(1, 2, 3))


def test_a_recording_without_a_number_is_refused_by_the_split_that_needs_it(tmp_path: Path) -> None:
    folder = write_cifar10_dvs(tmp_path)
    (folder / "cat" / "cifar10_cat_0.aedat").rename(folder / "cat" / "cifar10_cat_first.aedat")
    with pytest.raises(UserError, match=r"cifar10_cat_first\.aedat.* its name has no number"):
        cifar10_dvs(1, str(tmp_path), split="numbered")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"split": "first80"}, r"dataset\.split=first80: must be one of dataset=cifar10_dvs's: first90, numbered"),
        ({"orientation": "up"}, r"dataset\.orientation=up: must be one of spikingjelly, jaer, tonic"),
    ],
)
def test_an_unknown_choice_is_refused(keys: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        cifar10_dvs(1, str(tmp_path), **keys)  # type: ignore[arg-type]


def test_a_missing_archive_is_named_with_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9/")
    folder = write_cifar10_dvs(tmp_path)
    for path in sorted((folder / "ship").iterdir()):
        path.unlink()
    (folder / "ship").rmdir()
    with pytest.raises(UserError) as error:
        cifar10_dvs(1, str(tmp_path))
    (line,) = error.value.lines
    assert "lacks ship" in line
    assert "download ship.zip from https://figshare.com/articles/dataset/CIFAR10-DVS_New/4724671" in line
    assert len(CIFAR) == 10


# ---- SHD and SSC -----------------------------------------------------------------------------------------------------


def test_shd_is_ragged_and_holds_out_speakers(tmp_path: Path) -> None:
    speakers = [index // 10 for index in range(50)]
    write_spikes(tmp_path, "shd", "train", 50, speakers)
    write_spikes(tmp_path, "shd", "test", 6, [9] * 6)
    data = shd(4, str(tmp_path), validation=0.2)
    assert sizes(data) == (40, 10, 6)
    assert data.class_names == ("zero", "one")
    # 10 ms a frame: 0.055 s give 6 frames, 0.065 s give 7, padded to the longest.
    assert data.test[0].shape == data.test[1].shape == (7, 140)
    lengths = lengths_of(data.test)
    assert lengths is not None
    assert lengths.tolist() == [6, 7, 6, 7, 6, 7]
    assert data.test[0][:6].nonzero().tolist() == [[0, 0], [1, 1], [5, 139]]
    assert not data.test[0][6:].any()
    rows = torch.tensor(data.validation.rows.tolist())  # type: ignore[attr-defined]
    assert len({speakers[row] for row in rows.tolist()}) == 1


def test_shd_holds_out_at_random_if_asked_to(tmp_path: Path) -> None:
    write_spikes(tmp_path, "shd", "train", 40)
    write_spikes(tmp_path, "shd", "test", 6)
    data = shd(4, str(tmp_path), validation=0.25, validation_by="random", frames_by="number", group_units=1)
    assert sizes(data) == (30, 10, 6)
    assert data.train[0].shape == (4, 700)
    assert data.validation.labels.bincount().tolist() == [5, 5]
    with pytest.raises(UserError, match=r"does not name the speakers; .*validation_by=random"):
        shd(4, str(tmp_path))


def test_ssc_has_validation_recordings_of_its_own(tmp_path: Path) -> None:
    for part, count in (("train", 20), ("valid", 8), ("test", 6)):
        write_spikes(tmp_path, "ssc", part, count, [index % 4 for index in range(count)])
    data = ssc(4, str(tmp_path))
    assert sizes(data) == (20, 8, 6)
    assert sorted(cache.part for cache in caches(tmp_path)) == ["test", "train", "valid"]
    assert sizes(ssc(4, str(tmp_path), validation_by="speaker", validation=0.25)) == (15, 5, 6)
    with pytest.raises(UserError, match=r"validation_by=user: must be one of dataset=ssc's: official, speaker, random"):
        ssc(4, str(tmp_path), validation_by="user")


def test_a_file_that_names_no_classes_is_refused(tmp_path: Path) -> None:
    write_spikes_without_classes(tmp_path)
    with pytest.raises(UserError, match=r"shd_train\.h5.* it names 0 classes; at least 2 are needed"):
        shd(4, str(tmp_path), validation_by="random")
