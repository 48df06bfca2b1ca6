"""The benchmarks of the cache run; a set larger than its limit of memory is converted and read within it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import streaming

ROOT = Path(__file__).parents[2]


def peaks(gigabytes: float, below: Path) -> dict[str, float]:
    """Return the peak memory of converting and of a first pass, in GB, measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cache_memory", f"--gigabytes={gigabytes}", f"--below={below}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    found = re.findall(r"^([a-z ]+): .*peak RSS ([\d.]+) GB", done.stdout, re.MULTILINE)
    assert [name for name, _ in found] == ["converting", "first pass"], done.stdout
    return {name: float(gb) for name, gb in found}


@pytest.mark.slow
def test_the_memory_does_not_grow_with_the_set(tmp_path: Path) -> None:
    small, large = peaks(0.05, tmp_path), peaks(1.0, tmp_path)
    for name, peak in large.items():
        # Three processes with torch; neither a fifth of the set nor more batches than are read ahead.
        assert peak < small[name] + 0.2, (name, small, large)
        assert peak < 2.0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_streaming_benchmark_measures_each_mode(tmp_path: Path) -> None:
    streaming.main(["--quick", "--threads=1", f"--out={tmp_path / 'out'}", f"--below={tmp_path}"])
    sections = json.loads((tmp_path / "out" / "streaming.json").read_text())["sections"]
    assert [section["title"] for section in sections] == [
        "nmnist, 2x2x34x34, batches of 8",
        "gesture, 2x2x128x128, batches of 8",
    ]
    for section in sections:
        assert [row["name"] for row in section["rows"]] == [f"snntrain, {mode}" for mode in streaming.MODES]
        assert all(row["frames/s read"] > 0 and 0 <= row["waiting share"] < 1 for row in section["rows"])


def test_an_unknown_shape_ends_with_status_2() -> None:
    with pytest.raises(SystemExit) as end:
        streaming.main(["--shapes=mnist"])
    assert end.value.code == 2
