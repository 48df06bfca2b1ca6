"""Writers of small sets in the official layouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.data.events import encoders
from tests.data.events.encoders import Event

LABELS = "class,startTime_usec,endTime_usec"
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def events(seed: int, width: int, height: int, count: int = 60, start: int = 0, stop: int = 300_000) -> list[Event]:
    """Return random events in the order of time."""
    random = np.random.default_rng(seed)
    t = np.sort(random.integers(start, stop, count))
    x, y, p = (random.integers(0, most, count) for most in (width, height, 2))
    return [tuple(map(int, event)) for event in zip(x, y, t, p, strict=True)]  # type: ignore[misc]


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_nmnist(root: Path, train: int = 4, test: int | None = 2) -> Path:
    """Write so many recordings of each digit; without `test` there is no Test folder."""
    number = 0
    for part, count in (("Train", train), ("Test", test or 0)):
        for digit in range(10):
            for _ in range(count):
                number += 1
                put(root / f"NMNIST/{part}/{digit}/{number:05}.bin", encoders.atis(events(number, 34, 34)))
    return root / "NMNIST"


def write_ncaltech101(
    root: Path, classes: Sequence[str] = ("BACKGROUND_Google", "ant", "wild cat"), count: int = 10
) -> Path:
    for label, name in enumerate(classes):
        for number in range(count):
            content = encoders.atis(events(100 * label + number, 200 + label, 150))
            put(root / f"NCALTECH101/Caltech101/{name}/image_{number:04}.bin", content)
    return root / "NCALTECH101"


def write_cifar10_dvs(root: Path, numbers: Sequence[int] = (0, 1, 2, 10, 899, 900, 901, 999)) -> Path:
    for label, name in enumerate(CIFAR):
        for number in numbers:
            content = encoders.aedat2(events(1000 * label + number, 128, 128))
            put(root / f"CIFAR10DVS/{name}/cifar10_{name}_{number}.aedat", content)
    return root / "CIFAR10DVS"


# The gestures of each recording: class, start and end.
Trials = Mapping[str, Sequence[tuple[int, int, int]]]
THREE = ((1, 1_000, 90_000), (2, 100_000, 190_000), (11, 200_000, 290_000))
TRAIN: Trials = {"user01_led": THREE, "user02_led": THREE, "user23_lab": THREE}
TEST: Trials = {"user24_led": THREE, "user29_natural": THREE}


def write_gesture(root: Path, train: Trials = TRAIN, test: Trials = TEST) -> Path:
    """Write recordings of 300 ms in the original layout."""
    folder = root / "DVSGesture" / "DvsGesture"
    for part, recordings in (("train", train), ("test", test)):
        put(folder / f"trials_to_{part}.txt", "".join(f"{name}.aedat\n" for name in recordings).encode())
        for name, trials in recordings.items():
            packet = encoders.aedat31_packet(events(sum(map(ord, name)), 128, 128, 300))
            put(folder / f"{name}.aedat", encoders.aedat31(packet))
            lines = "\n".join([LABELS, *(",".join(map(str, trial)) for trial in trials)])
            put(folder / f"{name}_labels.csv", f"{lines}\n".encode())
    return folder


def write_tonic_gesture(root: Path) -> Path:
    for part, users in (("Train", ("user01_led", "user02_lab")), ("Test", ("user24_led",))):
        for user in users:
            for gesture in range(11):
                content = encoders.gesture_npy(events(gesture, 128, 128))
                put(root / f"DVSGesture/ibmGesture{part}/{user}/{gesture}.npy", content)
    return root / "DVSGesture"


def write_spikes(root: Path, name: str, part: str, count: int, speakers: Sequence[int] | None = None) -> Path:
    """Write recordings of two classes in turn, the second 10 ms longer than the first; unit 699 is the last to fire."""
    folder = root / name.upper()
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for index in range(count):
        end = 0.055 + 0.01 * (index % 2)
        rows.append([(0.0, 0), (0.011, 7 + index % 5), (end, 699)])
    return encoders.spikes_h5(folder / f"{name}_{part}.h5", rows, speakers=speakers)


def write_spikes_without_classes(root: Path) -> None:
    """Write a shd whose training file does not name its classes."""
    import h5py

    for part in ("train", "test"):
        write_spikes(root, "shd", part, 4)
    with h5py.File(root / "SHD" / "shd_train.h5", "r+") as file:
        del file["extra/keys"]
