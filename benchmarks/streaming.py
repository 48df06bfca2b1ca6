"""Frames per second from a cache into the training step, and the share of a step that waits for them.

    python -m benchmarks.streaming [--shapes nmnist,gesture] [--steps 30] [--rounds 3] [--below folder]

README.md in this folder explains the columns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.report import Row, Section, show, write
from snntrain.config.compose import validate
from snntrain.config.schema import Config
from snntrain.data.batches import Batches, Draw
from snntrain.data.cache import converted
from snntrain.data.dataset import Data
from snntrain.training.job import build, world
from snntrain.training.state import begin

# Frames of the data sets' shapes, [T, polarity, H, W], and the number of recordings.
SHAPES = {"nmnist": ((10, 2, 34, 34), 6000), "gesture": ((16, 2, 128, 128), 1000)}
QUICK = {"nmnist": ((2, 2, 34, 34), 200), "gesture": ((2, 2, 128, 128), 80)}
MODES = {
    "resident": ("dataset.resident=always",),
    **{f"{workers} workers": ("dataset.resident=never", f"dataset.workers={workers}") for workers in (0, 1, 2)},
}
# The first steps compile the kernels, and start the workers.
FIRST_STEPS = 3


@dataclass(frozen=True)
class Counts:
    """A recording as sparse as that of an event camera: one pixel in ten has events."""

    seed: int
    shape: tuple[int, ...]

    @property
    def label(self) -> int:
        return self.seed % 10

    def read(self) -> NDArray[np.uint8]:
        """Return the frames, `[T, 2, H, W]`."""
        draw = np.random.default_rng(self.seed)
        frames = draw.integers(0, 256, self.shape, dtype=np.uint8)
        return np.where(frames < 26, frames % 4 + 1, 0).astype(np.uint8)


def load(
    root: str, shape: str, quick: bool = False, validation: float = 0.1, split_seed: int = 0
) -> Data:  # the arguments of a data set
    """Return a data set of random recordings of one shape, from its cache."""
    sides, number = (QUICK if quick else SHAPES)[shape]
    splits = [
        converted(
            [Counts(1000 * seed, sides) for seed in range(size)],
            name=shape,
            part=part,
            key={"quick": quick},
            sources=[],
            root=Path(root),
        )
        for part, size in (("train", number), ("test", 20))
    ]
    return Data(shape, splits[0], splits[1], splits[1], tuple(map(str, range(10))), scale=1.0)


def main(argv: list[str] | None = None) -> None:
    settings = _parse(argv)
    torch.set_num_threads(settings.threads)
    machine.keep_freed_memory()
    found: dict[tuple[str, str], list[Reading]] = {}
    with tempfile.TemporaryDirectory(dir=settings.below) as root:
        for _ in range(settings.rounds):
            for shape in settings.shapes:
                for mode in MODES:
                    found.setdefault((shape, mode), []).append(
                        _measured(_config(shape, mode, settings, root), settings)
                    )
    device = torch.device("cpu")
    sections = [_section(shape, found, settings) for shape in settings.shapes]
    for section in sections:
        show(section)
    write(
        "streaming", settings.out or machine.results_folder(device), machine.describe(device), vars(settings), sections
    )


@dataclass(frozen=True)
class Reading:
    """One measurement.

    Args:
        read: frames per second if nothing else is done.
        trained: frames per second of the training.
        step: seconds of a step.
        waited: share of them that the training waits for a batch.
    """

    read: float
    trained: float
    step: float
    waited: float


def _measured(config: Config, settings: argparse.Namespace) -> Reading:
    here = world.decide(config.trainer)
    with here.current():
        job = build.prepare(config, here)
    frames = config.trainer.batch_size * job.data.train[0].shape[0]
    read = _read(job.train, settings.steps)
    with job.computing():
        job.model.train()
        training, draws = begin(job), _endless(job.train)
        for _ in range(FIRST_STEPS):
            training.step(*next(draws))
        waited, started = 0.0, time.perf_counter()
        for _ in range(settings.steps):
            asked = time.perf_counter()
            draw = next(draws)
            waited += time.perf_counter() - asked
            training.step(*draw)
        seconds = (time.perf_counter() - started) / settings.steps
    return Reading(frames / read, frames / seconds, seconds, waited / settings.steps / seconds)


def _read(batches: Batches, steps: int) -> float:
    """Return the seconds of a batch that is made and not used."""
    draws = _endless(batches)
    for _ in range(FIRST_STEPS):
        batches.make(next(draws)[0])
    started = time.perf_counter()
    for _ in range(steps):
        batches.make(next(draws)[0])
    return (time.perf_counter() - started) / steps


def _endless(batches: Batches) -> Iterator[tuple[Draw, int]]:
    """Yield the draw of each batch and its number in the epoch, epoch after epoch; smaller ones are left out."""
    for epoch in count(1):
        for index, draw in enumerate(batches.draws(epoch)):
            if len(draw[0]) == batches.batch_size:
                yield draw, index


def _config(shape: str, mode: str, settings: argparse.Namespace, root: str) -> Config:
    (config,) = validate(
        [
            *("dataset._target_=benchmarks.streaming.load", "allow_targets=[benchmarks]", f"dataset.root={root}"),
            *(f"+dataset.shape={shape}", f"+dataset.quick={settings.quick}", *MODES[mode]),
            *("dataset.mean=[0,0]", "dataset.std=[1,1]", "monitor=off", "trainer.epochs=1000", "trainer.device=cpu"),
            *(f"trainer.batch_size={settings.batch}", "network.channels=[8,16]", "network.hidden=[64]"),
        ]
    )
    return config


def _section(shape: str, found: dict[tuple[str, str], list[Reading]], settings: argparse.Namespace) -> Section:
    def median(readings: Sequence[Reading], name: str) -> float:
        return statistics.median(getattr(reading, name) for reading in readings)

    rows: list[Row] = []
    for mode in MODES:
        readings = found[shape, mode]
        rows.append(
            {
                "name": f"snntrain, {mode}",
                "frames/s read": median(readings, "read"),
                "frames/s trained": median(readings, "trained"),
                "step ms": median(readings, "step") * 1e3,
                "waiting share": median(readings, "waited"),
            }
        )
    sides = "x".join(map(str, (QUICK if settings.quick else SHAPES)[shape][0]))
    return Section(f"{shape}, {sides}, batches of {settings.batch}", "frames/s trained", rows)


def _parse(argv: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shapes", type=lambda text: text.split(","), default=list(SHAPES), help=", ".join(SHAPES))
    parser.add_argument("--batch", type=int, default=32, help="recordings per batch")
    parser.add_argument("--steps", type=int, default=30, help="steps of a reading")
    parser.add_argument("--rounds", type=int, default=3, help="readings of each line")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of the training")
    parser.add_argument("--below", type=Path, help="where the caches lie for the time; a temporary folder")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--quick", action="store_true", help="small recordings; the numbers mean nothing")
    settings = parser.parse_args(argv)
    if unknown := set(settings.shapes) - set(SHAPES):
        parser.error(f"--shapes: unknown {', '.join(sorted(unknown))}; there are {', '.join(SHAPES)}")
    if settings.quick:
        settings.batch, settings.steps, settings.rounds = 8, 2, 1
    return settings


if __name__ == "__main__":
    main()
