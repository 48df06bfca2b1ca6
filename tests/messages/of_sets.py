"""Messages of the public sets of recordings, of their downloads, and of snntrain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from snntrain.data.sets import cifar10_dvs, dvs128_gesture, folders, gesture_trials, heidelberg, ncaltech101, nmnist
from snntrain.data.sets.shares import share_of
from tests.data.sets.layouts import (
    LABELS,
    THREE,
    put,
    write_gesture,
    write_ncaltech101,
    write_nmnist,
    write_spikes,
    write_spikes_without_classes,
    write_tonic_gesture,
)

from .world import Case, World, line, overrides


def _in(name: str, bring_about: Callable[[Path], object]) -> Callable[[World], object]:
    """Return the call with a new data root."""
    return lambda world: bring_about(world.folder / "sets" / name)


def _without_test(root: Path) -> None:
    write_nmnist(root, test=None)
    nmnist.nmnist(2, str(root))


def _digit_without_recordings(root: Path) -> None:
    folder = write_nmnist(root, 1, 1) / "Train" / "4"
    for path in folder.iterdir():
        path.unlink()
    nmnist.nmnist(2, str(root))


def _one_class(root: Path) -> None:
    write_ncaltech101(root, ("ant",), 1)
    ncaltech101.ncaltech101(2, str(root))


def _no_trials(root: Path) -> None:
    folder = write_tonic_gesture(root)
    for path in folder.glob("ibmGestureTest/*/*"):
        path.unlink()
    dvs128_gesture.dvs128_gesture(2, str(root), layout="tonic")


def _user_on_both_sides(root: Path) -> None:
    write_gesture(root, test={"user01_lab": THREE})
    dvs128_gesture.dvs128_gesture(2, str(root))


def _missing_recording(root: Path) -> None:
    folder = write_gesture(root)
    (folder / "user01_led.aedat").unlink()
    gesture_trials.listed_trials(folder, "trials_to_train.txt", 11)


def _changed_labels(name: str, content: bytes) -> Callable[[Path], object]:
    def bring_about(root: Path) -> object:
        folder = write_gesture(root)
        put(folder / name, content)
        return gesture_trials.listed_trials(folder, "trials_to_train.txt", 11)

    return bring_about


def _trial_without_events(root: Path) -> None:
    write_gesture(root, {"user01_led": ((1, 400_000, 500_000),)})
    dvs128_gesture.dvs128_gesture(2, str(root))


def _array_of_no_gesture(root: Path) -> None:
    put(write_tonic_gesture(root) / "ibmGestureTrain" / "user01_led" / "11.npy", b"")
    dvs128_gesture.dvs128_gesture(2, str(root), layout="tonic")


def _array_of_no_user(root: Path) -> None:
    folder = write_tonic_gesture(root) / "ibmGestureTrain"
    (folder / "user01_led").rename(folder / "user1")
    dvs128_gesture.dvs128_gesture(2, str(root), layout="tonic")


def _no_classes(root: Path) -> None:
    write_spikes_without_classes(root)
    heidelberg.shd(2, str(root))


def _no_speakers(root: Path) -> None:
    for part in ("train", "test"):
        write_spikes(root, "shd", part, 4)
    heidelberg.shd(2, str(root))


def _data(words: str) -> Callable[[World], object]:
    return line(f"data {words}")


def _labels(labels: Sequence[int]) -> Callable[[World], object]:
    return lambda _: share_of(torch.tensor(labels), 0.2, 0, "dataset.test")


CASES: dict[str, Case] = {
    # data/sets/
    "class of one recording": (_labels([0, 0, 1]), ("dataset.test=0.2", "class 1 has a single", "add recordings")),
    "no Test": (_in("a", _without_test), ("NMNIST lacks Test", "the download failed", "hold out a share of Train")),
    "digit without recordings": (
        _in("b", _digit_without_recordings),
        ("Train/4", "has no recordings (*.bin)", "put those of class 4 there"),
    ),
    "file in the place of a folder": (
        lambda world: folders.class_folders(world.broken / "file"),
        ("broken/file", "cannot be listed", "put the data set there"),
    ),
    "one class": (_in("c", _one_class), ("Caltech101", "has 1 folders of classes", "put the data set there")),
    "no share": (
        lambda _: ncaltech101.ncaltech101(2, test=None),
        ("dataset.test=null", "dataset=ncaltech101 has no official test recordings", "give a share, as 0.1"),
    ),
    "no trials": (
        _in("d", _no_trials),
        ("dataset=dvs128_gesture", "has no recordings of the part test_tonic", "put the data set there"),
    ),
    "archive by hand": (
        _in("e", lambda root: dvs128_gesture.dvs128_gesture(2, str(root))),
        ("DVSGesture lacks DvsGesture", "no program may fetch", "download DvsGesture.tar.gz from https://ibm"),
    ),
    "user on both sides": (
        _in("f", _user_on_both_sides),
        ("user 1 is in the training and in the test", "DVSGesture", "put a good copy there"),
    ),
    "missing recording": (
        _in("g", _missing_recording),
        ("trials_to_train.txt", "1 of the 3 recordings that it lists are missing", "put them there"),
    ),
    "unreadable list": (
        _in("h", _changed_labels("trials_to_train.txt", b"\xff\xfe")),
        ("trials_to_train.txt", "cannot be read", "put a good copy there"),
    ),
    "foreign list": (
        _in("i", _changed_labels("trials_to_train.txt", b"../x.aedat\n")),
        ("trials_to_train.txt", "it lists '../x.aedat'", "not a recording such as"),
    ),
    "label file without a head": (
        _in("j", _changed_labels("user01_led_labels.csv", b"1,2,3\n")),
        ("user01_led_labels.csv", "its first line must be class,", "get the file again"),
    ),
    "line of a label file": (
        _in("l", _changed_labels("user01_led_labels.csv", f"{LABELS}\n1,2\n".encode())),
        ("user01_led_labels.csv", "line 2 must have three numbers", "get the file again"),
    ),
    "gesture that there is not": (
        _in("m", _changed_labels("user01_led_labels.csv", f"{LABELS}\n12,2,3\n".encode())),
        ("user01_led_labels.csv", "line 2 has gesture 12, which must be 1 to 11", "get the file again"),
    ),
    "gesture that takes no time": (
        _in("n", _changed_labels("user01_led_labels.csv", f"{LABELS}\n1,5,5\n".encode())),
        ("user01_led_labels.csv", "a gesture begins at 5 µs and ends at 5", "correct it"),
    ),
    "gesture without events": (
        _in("o", _trial_without_events),
        ("user01_led.aedat", "it has no events of hand_clapping from 400,000 to 500,000 µs", "get it and its"),
    ),
    "array of no gesture": (
        _in("p", _array_of_no_gesture),
        ("11.npy", "its name must be a gesture, 0.npy to 10.npy", "remove it"),
    ),
    "array of no user": (
        _in("q", _array_of_no_user),
        ("user1", "its name has no user, as user07_led", "rename it or remove it"),
    ),
    "recording without a number": (
        lambda world: cifar10_dvs._numbered([(world.folder / "cifar10_cat_x.aedat", 0)]),
        ("cifar10_cat_x.aedat", "its name has no number, as cifar10_cat_7.aedat", "rename it or remove it"),
    ),
    "file without classes": (
        _in("r", _no_classes),
        ("shd_train.h5", "it names 0 classes; at least 2 are needed", "get the file again"),
    ),
    "layout": (
        lambda _: dvs128_gesture.dvs128_gesture(2, layout="x"),
        ("dataset.layout=x", "must be one of", "original, tonic"),
    ),
    "users": (
        lambda _: dvs128_gesture.dvs128_gesture(2, validation_by="x"),
        ("dataset.validation_by=x", "must be one of dataset=dvs128_gesture's", "user, random"),
    ),
    "speakers": (
        lambda _: heidelberg.ssc(2, validation_by="x"),
        ("dataset.validation_by=x", "must be one of dataset=ssc's", "official, speaker, random"),
    ),
    "no speakers": (
        _in("k", _no_speakers),
        ("shd_train.h5", "does not name the speakers", "dataset.validation_by=random"),
    ),
    "split of CIFAR10-DVS": (
        lambda _: cifar10_dvs.cifar10_dvs(2, split="x"),
        ("dataset.split=x", "must be one of dataset=cifar10_dvs's", "first90, numbered, random"),
    ),
    "orientation": (
        lambda _: cifar10_dvs.cifar10_dvs(2, orientation="x"),
        ("dataset.orientation=x", "must be one of", "spikingjelly, jaer, tonic"),
    ),
    # cli/data/
    "action": (_data("lst"), ("data lst", "no such action (did you mean list?)", "give one of list, get")),
    "name in a list": (_data("list mnist"), ("data list mnist", "takes no name", "it shows all data sets")),
    "key in a list": (_data("list T=4"), ("T=4", "data list takes dataset.root=<folder>", "no other key")),
    "flag of data": (_data("list -m"), ("--multirun", "data takes overrides", "--config-dir")),
    "nothing to get": (_data("get"), ("data get", "needs the names of data sets", "as in snntrain data get nmnist")),
    "unknown set": (_data("get nmist"), ("nmist", "there is no such data set (did you mean", "the data sets are")),
    "key of another group": (_data("get digits T=4"), ("T=4", "must be a key of the data set", "as dataset.root=")),
    "own set": (
        _data("get own --config-dir {broken}/own_sets"),
        ("data get own", "own.load finds its data itself", "only published sets can be downloaded"),
    ),
    "unknown split": (_data("show split=x"), ("split=x", "must be one of", "train, validation, test")),
    "sample that is not there": (_data("show sample=9999"), ("sample=9999", "must be the index", "0 to ")),
    "word without a value": (_data("show sample="), ("sample=", "needs a value", "as in sample=3")),
    "nothing to clear": (
        _data("clear nmnist"),
        ("data clear nmnist", "no converted recordings of it below", "there are none of any set"),
    ),
    # config/rules.py
    "duration without a length": (
        overrides("dataset=nmnist", "dataset.frames_by=duration"),
        ("dataset.frames_by=duration", "needs dataset.frame_us", "as 10000"),
    ),
}
