"""The reader of N-MNIST against a second parser, on real recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snntrain.data.events.events import Sensor
from snntrain.data.events.readers import atis

FOLDER = Path(os.environ.get("SNNTRAIN_DATA", "")) / "NMNIST" / "Train"
FILES = sorted(FOLDER.glob("*/*.bin")) if "SNNTRAIN_DATA" in os.environ else []
recorded = pytest.mark.skipif(not FILES, reason="there is no NMNIST/Train below $SNNTRAIN_DATA")


def naive(content: bytes) -> list[tuple[int, int, int, int]]:
    """Parse bit by bit, with the clock's overflows added and dropped."""
    events = []
    late = 0
    for place in range(0, len(content), 5):
        x, y, *rest = content[place : place + 5]
        bits = "".join(format(byte, "08b") for byte in rest)
        if y == 240:
            late += 8192
            continue
        events.append((x, y, int(bits[1:], 2) + late, int(bits[0])))
    return events


def compare(path: Path) -> int:
    """Compare both parsers on a file; return the number of overflows in it."""
    content = path.read_bytes()
    found = atis.read(path, Sensor(34, 34))
    expected = naive(content)
    assert len(found) == len(expected)
    for name, column in zip("xytp", zip(*expected, strict=True), strict=True):
        assert tuple(getattr(found, name).tolist()) == column, path
    return len(content) // 5 - len(expected)


@recorded
def test_a_few_real_recordings() -> None:
    for path in FILES[:: max(1, len(FILES) // 5)]:
        compare(path)


@recorded
@pytest.mark.slow
def test_all_real_recordings() -> None:
    """None is refused; their clocks do not overflow, and they last 0.29 to 0.32 s (SpikingJelly has the same range)."""
    assert sum(compare(path) for path in FILES) == 0
    times = [atis.read(path, Sensor(34, 34)).t for path in FILES]
    assert all(290_000 < t[-1] - t[0] < 316_000 for t in times)
