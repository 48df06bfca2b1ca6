"""DVS128 Gesture: trials of the original layout, the arrays of tonic, and users that are held out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from snntrain.data.sets import gesture_trials
from snntrain.data.sets.dvs128_gesture import CLASSES, dvs128_gesture
from snntrain.data.sets.gesture_trials import listed_trials
from snntrain.errors import UserError
from tests.data.files import NO_NETWORK

from .layouts import LABELS, THREE, TRAIN, events, put, write_gesture, write_tonic_gesture


def test_each_line_of_the_label_files_is_a_sample(tmp_path: Path) -> None:
    write_gesture(tmp_path)
    data = dvs128_gesture(3, str(tmp_path), validation=0.3)
    assert (len(data.train), len(data.validation), len(data.test)) == (6, 3, 6)
    assert data.class_names == CLASSES
    assert data.test.labels.tolist() == [0, 1, 10] * 2
    assert data.test[0].shape == (3, 2, 128, 128)
    for index, (_, start, stop) in enumerate(THREE):
        written = events(sum(map(ord, "user24_led")), 128, 128, 300)
        within = [event for event in written if start <= event[2] < stop]
        assert int(data.test[index].sum()) == len(within) > 10
        for x, y, _, p in within:
            assert data.test[index][:, p, y, x].sum() >= 1


def test_validation_by_user_holds_out_whole_users(tmp_path: Path) -> None:
    write_gesture(tmp_path)
    rows = dvs128_gesture(3, str(tmp_path), validation=0.3).validation.rows.tolist()  # type: ignore[attr-defined]
    users = [name for name in TRAIN for _ in THREE]
    assert len({users[row] for row in rows}) == 1
    data = dvs128_gesture(3, str(tmp_path), validation=0.3, validation_by="random")
    assert data.validation.labels.bincount()[[0, 1, 10]].tolist() == [1, 1, 1]


def test_a_trial_that_ends_late_is_cut_where_the_next_one_begins(tmp_path: Path) -> None:
    """As in user22_led_labels.csv, where class 9 ends after class 10 has begun."""
    write_gesture(tmp_path, {"user22_led": ((9, 10, 150_000), (10, 100_000, 200_000), (1, 200_000, 290_000))})
    first, second, third = listed_trials(tmp_path / "DVSGesture/DvsGesture", "trials_to_train.txt", 11)
    assert (first.label, first.start, first.stop) == (8, 10, 100_000)
    assert (second.label, second.start, second.stop) == (9, 100_000, 200_000)
    assert third.stop == 290_000


def test_the_layout_of_tonic(tmp_path: Path) -> None:
    write_tonic_gesture(tmp_path)
    data = dvs128_gesture(4, str(tmp_path), layout="tonic", validation=0.5)
    assert (len(data.train), len(data.validation), len(data.test)) == (11, 11, 11)
    assert data.test.labels.tolist() == [0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9]
    assert data.test[0].sum(dtype=torch.int64) == 60


def test_the_archive_must_be_fetched_by_hand(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        dvs128_gesture(4, str(tmp_path))
    (line,) = error.value.lines
    assert f"dataset=dvs128_gesture: {tmp_path / 'DVSGesture'} lacks DvsGesture" in line
    assert "download DvsGesture.tar.gz from https://ibm.ent.box.com/" in line
    assert "into that folder" in line
    assert "dataset.layout=tonic" in line
    assert list(tmp_path.iterdir()) == []


def test_the_arrays_of_tonic_are_tried_at_each_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", NO_NETWORK)
    with pytest.raises(UserError, match=r"zenodo\.org.*api\.figshare\.com.*download ibmGestureTrain\.tar\.gz, ibm"):
        dvs128_gesture(4, str(tmp_path), layout="tonic")


def test_a_user_on_both_sides_is_refused(tmp_path: Path) -> None:
    write_gesture(tmp_path, test={"user02_natural": THREE})
    with pytest.raises(UserError, match=r"user 2 is in the training and in the test"):
        dvs128_gesture(3, str(tmp_path))


def test_a_trial_without_events_is_refused(tmp_path: Path) -> None:
    write_gesture(tmp_path, {**TRAIN, "user03_led": ((4, 400_000, 500_000),)})
    with pytest.raises(UserError, match=r"user03_led\.aedat: it has no events of right_arm_clockwise from 400,000 to"):
        dvs128_gesture(3, str(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "its first line must be class,"),
        ("1,2,3\n", "its first line must be class,"),
        (f"{LABELS}\n1,2\n", "line 2 must have three numbers"),
        (f"{LABELS}\n1,2,x\n", "line 2 must have three numbers"),
        (f"{LABELS}\n1,2,-3\n", "line 2 must have three numbers"),
        (f"{LABELS}\n\n1,2,{'9' * 30}\n", "line 3 must have three numbers"),
        (f"{LABELS}\n12,2,3\n", "line 2 has gesture 12, which must be 1 to 11"),
        (f"{LABELS}\n0,2,3\n", "line 2 has gesture 0, which must be 1 to 11"),
        (f"{LABELS}\n1,5,5\n", "a gesture begins at 5 µs and ends at 5"),
    ],
)
def test_a_damaged_label_file_is_named(content: str, message: str, tmp_path: Path) -> None:
    folder = write_gesture(tmp_path)
    put(folder / "user02_led_labels.csv", content.encode())
    with pytest.raises(UserError, match=rf"user02_led_labels\.csv: {message}"):
        listed_trials(folder, "trials_to_train.txt", 11)


@pytest.mark.parametrize("name", ["../user01_led.aedat", "/etc/passwd", "user1_led.aedat", "user01_led.aedat.gz"])
def test_a_list_names_recordings_of_its_folder_only(name: str, tmp_path: Path) -> None:
    folder = write_gesture(tmp_path)
    put(folder / "trials_to_train.txt", f"user01_led.aedat\n{name}\n".encode())
    with pytest.raises(UserError, match=r"trials_to_train\.txt: it lists .* not a recording"):
        listed_trials(folder, "trials_to_train.txt", 11)


def test_missing_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_gesture(tmp_path)
    (folder / "user02_led.aedat").unlink()
    with pytest.raises(UserError, match=r"1 of the 3 recordings that it lists are missing, as user02_led\.aedat"):
        dvs128_gesture(3, str(tmp_path))
    (folder / "trials_to_train.txt").unlink()
    with pytest.raises(UserError, match=r"trials_to_train\.txt: cannot be read \(No such file"):
        dvs128_gesture(3, str(tmp_path))
    monkeypatch.setattr(gesture_trials, "MOST_TEXT", 10)
    with pytest.raises(UserError, match=r"trials_to_test\.txt: cannot be read \(it has more than"):
        listed_trials(folder, "trials_to_test.txt", 11)
