"""The peak memory of converting a large set into a cache, and of a first pass over it in batches.

    python -m benchmarks.cache_memory [--gigabytes 10] [--workers 2] [--below folder]

Prints, for each of the two, seconds and the greatest memory of this process and its workers together: resident memory
(RSS), which counts a page in several processes several times, and proportional memory (PSS), which shares it out. The
recordings are made when they are read; the cache needs as much space as the set has bytes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine

# 16 frames of a sensor with 128x128 pixels and two polarities: 524,288 bytes.
SHAPE = (16, 2, 128, 128)
BATCH = 32
PAUSE = 0.1
GB = 1e9


@dataclass(frozen=True)
class Made:
    """A recording that is made when it is read; its first four bytes are its number."""

    number: int

    @property
    def label(self) -> int:
        return self.number % 11

    def read(self) -> NDArray[np.uint8]:
        """Return the frames, `[T, 2, H, W]`."""
        frames = np.full(SHAPE, self.number % 251, np.uint8)
        frames.reshape(-1)[:4] = np.frombuffer(self.number.to_bytes(4, "little"), np.uint8)
        return frames


@dataclass
class Peak:
    """The greatest memory seen, in bytes, and the seconds."""

    rss: int = 0
    pss: int = 0
    seconds: float = 0.0

    def look(self) -> None:
        """Add up the memory of this process and its children now."""
        pids = [os.getpid(), *_children(os.getpid())]
        self.rss = max(self.rss, sum(_of(pid, "Rss") for pid in pids))
        self.pss = max(self.pss, sum(_of(pid, "Pss") for pid in pids))


def main(argv: list[str] | None = None) -> None:
    settings = _parse(argv)
    import torch

    from snntrain.data.batches import Batches
    from snntrain.data.cache import converted

    torch.set_num_threads(1)
    count = max(BATCH, round(settings.gigabytes * GB / np.prod(SHAPE)))
    needed, free = count * int(np.prod(SHAPE)), shutil.disk_usage(settings.below or tempfile.gettempdir()).free
    if needed > free:
        raise SystemExit(
            f"{needed / GB:.1f} GB are needed, and {free / GB:.1f} GB are free: give --gigabytes or --below"
        )
    print(machine.describe(torch.device("cpu")))
    with tempfile.TemporaryDirectory(dir=settings.below) as root:
        with measured() as converting:
            split = converted(
                [Made(number) for number in range(count)],
                name="made",
                part="train",
                key={"shape": SHAPE},
                sources=[],
                root=Path(root),
                workers=settings.workers,
            )
        _show("converting", converting, split.nbytes)
        with measured() as passing:
            given = {"batch_size": BATCH, "scale": 1.0, "device": "cpu", "shuffle": True}
            batches = Batches(split, **given, resident=False, workers=settings.workers)
            seen = 0
            for batch in batches.epoch(1):
                numbers = batch.x.transpose(0, 1).reshape(len(batch.labels), -1)[:, :4].long()
                numbers = (numbers * 256 ** torch.arange(4)).sum(1)
                assert torch.equal(numbers % 11, batch.labels), "a sample of another recording"
                seen += int(numbers.sum())
            assert seen == count * (count - 1) // 2, "not every sample came once"
        _show("first pass", passing, split.nbytes)


@contextmanager
def measured() -> Iterator[Peak]:
    """Look at the memory again and again while the block runs."""
    peak, over, started = Peak(), threading.Event(), time.perf_counter()

    def look() -> None:
        while not over.wait(PAUSE):
            peak.look()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()
        peak.look()
        peak.seconds = time.perf_counter() - started


def _show(name: str, peak: Peak, nbytes: int) -> None:
    speed = nbytes / 1e6 / peak.seconds
    print(
        f"{name}: {nbytes / GB:.2f} GB in {peak.seconds:.1f} s ({speed:,.0f} MB/s), "
        f"peak RSS {peak.rss / GB:.3f} GB, peak PSS {peak.pss / GB:.3f} GB",
        flush=True,
    )


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def _of(pid: int, name: str) -> int:
    """Return a figure of a process's memory in bytes; 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cache_memory", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--gigabytes", type=float, default=10.0, help="size of the set")
    parser.add_argument("--workers", type=int, default=2, help="processes that convert, and that read ahead")
    parser.add_argument("--below", type=Path, help="where the cache lies for the time; a temporary folder")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
