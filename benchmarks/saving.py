"""The time that training waits for a checkpoint of the paper's network with Adam and an average of the weights.

    python -m benchmarks.saving [--network small] [--repeats 9] [--below folder]

`held` is the time of `save()`, `written` the time until the checkpoint is on the disk. The writing thread also slows
the training thread. A loop in Python measures this; it stands for a loop that launches work on a GPU. Its pauses of
more than a millisecond are added up while a checkpoint is written, and over the same time without one.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks import machine
from benchmarks.tasks import NETWORKS, mnist_root
from snntrain.config.schema import Config
from snntrain.config.validate import validate
from snntrain.inspect.tensorboard import Board
from snntrain.process.allocator import keep_freed_memory
from snntrain.runs.run_folder import RunFolder
from snntrain.training.job import build, world
from snntrain.training.loop import train_epoch
from snntrain.training.saving.saver import Saver
from snntrain.training.state import TrainingState, begin

PAUSE = 1e-3


def main() -> None:
    settings = _arguments()
    with tempfile.TemporaryDirectory(dir=settings.below) as folder:
        config = _config(settings.network, Path(folder))
        training = _trained_a_little(config)
        with (
            RunFolder(Path(folder) / "run", config.name, (), config) as run,
            Board(run.tensorboard) as board,
            Saver(training, "", run, board) as saver,
        ):
            rounds = [_round(saver.save, saver.wait, saver.writer.idle) for _ in range(settings.repeats)]
            size = (run.path / "checkpoints" / "last.pt").stat().st_size
    print(machine.describe(torch.device("cpu")))
    print(f"{settings.network} network, {size / 1e6:.1f} MB, median of {settings.repeats} (least, greatest)")
    for name, *seconds in zip(("held", "written", "pauses beside it", "pauses without"), *rounds, strict=True):
        print(f"{name}: {statistics.median(seconds):.4f} s ({min(seconds):.4f}, {max(seconds):.4f})")


def _round(
    save: Callable[[], None], wait: Callable[[], None], idle: Callable[[], bool]
) -> tuple[float, float, float, float]:
    started = time.perf_counter()
    save()
    held = time.perf_counter() - started
    pauses = _pauses(idle)
    wait()
    written = time.perf_counter() - started
    end = time.perf_counter() + written - held
    return held, written, pauses, _pauses(lambda: time.perf_counter() >= end)


def _pauses(over: Callable[[], bool]) -> float:
    """Return the total of a loop's pauses until the end of the writing."""
    total, last = 0.0, time.perf_counter()
    while not over():
        now = time.perf_counter()
        total += now - last if now - last > PAUSE else 0.0
        last = now
    return total


def _config(name: str, scratch: Path) -> Config:
    network, (root, _) = NETWORKS[name], mnist_root(scratch, 1000)
    (config,) = validate(
        [
            *("neuron=plif", "dataset=mnist", f"dataset.root={root}", "monitor=off", "trainer.ema=0.999"),
            *("trainer.device=cpu", "trainer.batch_size=2", "trainer.limit_batches=1", f"T={network.T}"),
            f"network.channels=[{','.join(map(str, network.channels))}]",
            *(f"network.hidden=[{','.join(map(str, network.hidden))}]", f"network.votes={network.votes}"),
        ]
    )
    return config


def _trained_a_little(config: Config) -> TrainingState:
    """Return a training after its first epoch of one step: the optimizer has its state, and best weights exist."""
    keep_freed_memory()
    training = begin(build.prepare(config, world.decide(config.trainer)))
    metrics = train_epoch(training)
    training.progress.best.update(metrics, 1, training.job.evaluated.network)
    training.progress.next_epoch()
    return training


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.saving", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="paper")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--below", type=Path, help="where it writes; a temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
