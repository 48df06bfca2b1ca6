"""The speed of the readers of recordings and of making frames, on one core.

`python -m benchmarks.reading [--repeats N] [--quick]` writes random recordings of the sizes of the real sets and reads
them; the files are in the system's cache. With SNNTRAIN_DATA it also reads real recordings of N-MNIST from there.
"""

from __future__ import annotations

import argparse
import os
import struct
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks import machine, report
from benchmarks.report import Row, Section
from benchmarks.timing import alternate
from snntrain.data.events.events import Events, Sensor
from snntrain.data.events.frames import Binning
from snntrain.data.events.readers import aedat2, aedat31, arrays, arrays_h5, atis, gesture_npy
from snntrain.data.events.readers.spikes_h5 import SpikeFile

NMNIST, CALTECH, DVS128, COCHLEA = Sensor(34, 34), Sensor(180, 240), Sensor(128, 128), Sensor(1, 700, 1)
# Events of a usual recording of N-MNIST, N-Caltech101, CIFAR10-DVS, DVS128 Gesture (whole file), a gesture, SHD.
EVENTS = {"nmnist": 4_200, "ncaltech101": 115_000, "cifar10_dvs": 200_000, "file": 3_000_000, "gesture": 300_000}
SPIKES, UTTERANCES = 8_000, 128
REAL = 200


@dataclass(frozen=True)
class Reading:
    """Something to measure: a call, and the number of events and bytes that it reads."""

    call: Callable[[], object]
    events: int
    size: int = 0


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=11, help="rounds, default 11")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--quick", action="store_true", help="small recordings; the numbers mean nothing")
    settings = parser.parse_args(argv)
    machine.keep_freed_memory()
    torch.set_num_threads(1)
    share = 100 if settings.quick else 1
    repeats = 2 if settings.quick else settings.repeats
    with tempfile.TemporaryDirectory() as folder:
        sections = [
            _section("Reading a recording", readers(Path(folder), share), repeats),
            _section("Making frames of a recording", binnings(share), repeats),
        ]
    for section in sections:
        report.show(section)
    device = torch.device("cpu")
    report.write(
        "reading", settings.out or machine.results_folder(device), machine.describe(device), vars(settings), sections
    )


def _section(title: str, found: dict[str, Reading], repeats: int) -> Section:
    times = alternate({name: reading.call for name, reading in found.items()}, torch.device("cpu"), repeats)
    rows: list[Row] = [
        {
            "name": name,
            "events": reading.events,
            "ms": 1e3 * times[name].median,
            "±": times[name].spread,
            "M events/s": reading.events / times[name].median / 1e6,
            "MB/s": reading.size / times[name].median / 1e6 if reading.size else None,
        }
        for name, reading in found.items()
    ]
    return Section(title, "M events/s", rows)


def readers(folder: Path, share: int) -> dict[str, Reading]:
    """Write a recording in each format, and return how to read it."""
    found: dict[str, Reading] = {}

    def add(name: str, file: str, content: bytes, events: int, read: Callable[[Path], object]) -> None:
        (folder / file).write_bytes(content)
        found[name] = Reading(lambda: read(folder / file), events, len(content))

    sizes = {name: max(100, count // share) for name, count in EVENTS.items()}
    for name, sensor in (("nmnist", NMNIST), ("ncaltech101", CALTECH)):
        some = recording(sizes[name], sensor, 310_000)
        add(f"atis, {name}", f"{name}.bin", _atis(some), len(some), lambda path, sensor=sensor: atis.read(path, sensor))
    some = recording(sizes["cifar10_dvs"], DVS128, 1_300_000)
    add("aedat2, cifar10_dvs", "two.aedat", _aedat2(some), len(some), aedat2.read)
    some = recording(sizes["file"], DVS128, 100_000_000)
    for events in (4096, 100):
        packed = _aedat31(some, events)
        add(f"aedat31, packets of {events}", f"{events}.aedat", packed, len(some), aedat31.read)
    some = recording(sizes["gesture"], DVS128, 6_000_000)
    columns = {"x": some.x, "y": some.y, "t": some.t, "p": some.p}
    np.save(folder / "g.npy", np.stack([some.x, some.y, some.p, some.t / 1000], axis=1))
    np.save(folder / "s.npy", np.rec.fromarrays(list(columns.values()), names=list(columns)).view(np.ndarray))
    np.savez(folder / "a.npz", **columns)
    np.savez_compressed(folder / "c.npz", **columns)
    for name, file, read in (
        ("gesture_npy, float64", "g.npy", gesture_npy.read),
        ("arrays, .npy", "s.npy", arrays.read),
        ("arrays, .npz", "a.npz", arrays.read),
        ("arrays, .npz compressed", "c.npz", arrays.read),
    ):
        add(name, file, (folder / file).read_bytes(), len(some), read)
    return found | _hdf5(folder, some, max(2, UTTERANCES // share)) | _real()


def _hdf5(folder: Path, some: Events, utterances: int) -> dict[str, Reading]:
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        for name in "xytp":
            file[name] = getattr(some, name)
    random = np.random.default_rng(0)
    with h5py.File(folder / "shd.h5", "w") as file:
        times = file.create_dataset("spikes/times", (utterances,), h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", (utterances,), h5py.vlen_dtype(np.uint16))
        for row in range(utterances):
            times[row] = np.sort(random.uniform(0, 1.2, SPIKES)).astype(np.float16)
            units[row] = random.integers(0, 700, SPIKES)
        file["labels"] = np.zeros(utterances, np.uint8)
    spikes = SpikeFile(folder / "shd.h5")
    size = (folder / "shd.h5").stat().st_size
    return {
        "arrays_h5": Reading(lambda: arrays_h5.read(folder / "a.h5"), len(some), (folder / "a.h5").stat().st_size),
        f"spikes_h5, {utterances} recordings": Reading(
            lambda: [spikes[row] for row in range(utterances)], utterances * SPIKES, size
        ),
    }


def _real() -> dict[str, Reading]:
    root = os.environ.get("SNNTRAIN_DATA")
    files = sorted((Path(root) / "NMNIST" / "Train").glob("*/*.bin"))[:REAL] if root else []
    if not files:
        return {}
    size = sum(file.stat().st_size for file in files)
    return {f"atis, {len(files)} real files": Reading(lambda: [atis.read(f, NMNIST) for f in files], size // 5, size)}


def binnings(share: int) -> dict[str, Reading]:
    """Return how to make frames of recordings of the sizes of the real sets."""
    found = {}
    for name, count, sensor, span, binning in (
        ("nmnist, number, T=10", EVENTS["nmnist"], NMNIST, 310_000, Binning("number", 10)),
        ("nmnist, time, T=10", EVENTS["nmnist"], NMNIST, 310_000, Binning("time", 10)),
        ("cifar10_dvs, number, T=10", EVENTS["cifar10_dvs"], DVS128, 1_300_000, Binning("number", 10)),
        ("cifar10_dvs, downsample 2", EVENTS["cifar10_dvs"], DVS128, 1_300_000, Binning("number", 10, downsample=2)),
        ("gesture, time, T=16", EVENTS["gesture"], DVS128, 6_000_000, Binning("time", 16)),
        ("gesture, 10 ms", EVENTS["gesture"], DVS128, 6_000_000, Binning("duration", 1, 10_000)),
        ("shd, 10 ms, 5 units", SPIKES, COCHLEA, 1_200_000, Binning("duration", 1, 10_000, group_units=5)),
    ):
        events = recording(max(100, count // share), sensor, span)
        found[name] = Reading(lambda b=binning, e=events, s=sensor: b.frames(e, s), len(events))
    return found


def recording(count: int, sensor: Sensor, microseconds: int) -> Events:
    """Return random events, uniform over the sensor and the time."""
    random = np.random.default_rng(count)
    return Events(
        random.integers(0, sensor.width, count).astype(np.uint16),
        random.integers(0, sensor.height, count).astype(np.uint16),
        np.sort(random.integers(0, microseconds, count)),
        random.integers(0, 2, count).astype(np.uint8),
    )


def _atis(some: Events) -> bytes:
    rows = np.empty((len(some), 5), np.uint8)
    rows[:, 0], rows[:, 1] = some.x, some.y
    rows[:, 2:] = ((some.p.astype(np.int64) << 23) | some.t).astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:]
    return rows.tobytes()


def _aedat2(some: Events) -> bytes:
    address = (some.x.astype(np.int64) << 8) | (some.y.astype(np.int64) << 1) | some.p
    return b"#!AER-DAT2.0\r\n" + np.stack([address, some.t], axis=1).astype(">u4").tobytes()


def _aedat31(some: Events, each: int) -> bytes:
    data = 1 | (some.p.astype(np.int64) << 1) | (some.y.astype(np.int64) << 2) | (some.x.astype(np.int64) << 17)
    words = np.stack([data, some.t], axis=1).astype("<u4")
    file = [b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"]
    for start in range(0, len(some), each):
        part = words[start : start + each]
        file += [struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, len(part), len(part), len(part)), part.tobytes()]
    return b"".join(file)


if __name__ == "__main__":
    main()
