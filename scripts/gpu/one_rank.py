"""One process of a run on several devices beside a run without others: the same bits, and the time of the exchange.

python scripts/gpu/one_rank.py [--device cuda] [--quick] [--most 0.02]

The exchange of gradients is a part of the recorded step, by NCCL on a GPU. `normalised` also synchronises the batch
normalisations, as several processes do; it rounds differently, so only its time is compared.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from benchmarks.tasks import mnist_root
from snntrain.config.schema import Config
from snntrain.config.validate import validate
from snntrain.data.share import Share
from snntrain.network.synchronised import synchronise
from snntrain.process.cublas import reserve_workspace
from snntrain.training.job import build, world
from snntrain.training.job.build import Job
from snntrain.training.job.group import Peers, Place
from snntrain.training.job.world import World
from snntrain.training.loop import train_epoch
from snntrain.training.state import TrainingState, begin
from snntrain.training.step.recorded_step import RecordedStep

# Epochs before the comparison of the weights: in the first the step is launched, recorded and replayed.
EPOCHS = 3
ALONE, EXCHANGED, NORMALISED = "alone", "exchanged", "normalised"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--most", type=float, default=0.02, help="the most time that the exchange may add, on a GPU")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    on_gpu, rounds = given.device != "cpu", 2 if given.quick else given.rounds
    reserve_workspace()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as settings:
        root, _ = mnist_root(Path(scratch), 1000)
        config = _config(given.device, root, quick=given.quick)
        alone = world.decide(config.trainer)
        settings.enter_context(alone.current())
        group = settings.enter_context(world.entered(config.trainer, Peers(Place(0, 1, 0), dist.HashStore())))
        trainings = {name: _begun(config, alone if name == ALONE else group, name) for name in (ALONE, EXCHANGED)}
        settings.enter_context(trainings[ALONE].job.computing())
        wrong = _compared(*(_weights(training) for training in trainings.values()))
        try:
            trainings[NORMALISED] = _begun(config, group, NORMALISED)
            _weights(trainings[NORMALISED])
        except Exception as error:  # The others are still measured.
            wrong.append(f"{NORMALISED}: {type(error).__name__}: {str(error).partition(chr(10))[0]}")
            trainings.pop(NORMALISED, None)
        wrong += [f"{name}: its steps are launched" for name, one in trainings.items() if on_gpu and not _recorded(one)]
        seconds = _seconds(trainings, rounds)
    for name, times in seconds.items():
        print(f"{name}: {1e6 * statistics.median(times):.1f} us a step, {_added(times, seconds[ALONE]):+.2%}")
    if on_gpu and (added := _added(seconds[EXCHANGED], seconds[ALONE])) > given.most:
        wrong.append(f"the exchange adds {added:.2%}, and at most {given.most:.2%} is allowed")
    for line in wrong:
        print(f"WRONG: {line}")
    sys.exit(bool(wrong))


def _config(device: str, root: Path, *, quick: bool) -> Config:
    batch, steps = (8, 3) if quick else (128, 100)
    small = ("network.channels=[4]", "network.hidden=[16]") if quick else ("T=8", "network.channels=[128,128]")
    (config,) = validate(
        [
            *("dataset=mnist", f"dataset.root={root}", f"trainer.device={device}", f"trainer.batch_size={batch}"),
            *(f"trainer.limit_batches={steps}", "trainer.epochs=100000", "trainer.deterministic=true", "monitor=off"),
            *small,
        ]
    )
    return config


def _begun(config: Config, here: World, name: str) -> TrainingState:
    """Return a training at its start."""
    job = build.prepare(config, here)
    if name == NORMALISED:
        synchronise(job.model.network, here.sum)
        _share_every_batch(job)
    return begin(job)


def _share_every_batch(job: Job) -> None:
    """Give this process all rows of each batch as its share, by which its layers exchange their sums."""
    batches = job.train
    sizes = [min(batches.batch_size, len(job.data.train) - start) for start in _starts(job)]
    batches.share = lambda index: Share.of(sizes[index], 0, 1)  # type: ignore[method-assign]


def _starts(job: Job) -> range:
    return range(0, len(job.data.train), job.train.batch_size)


def _weights(training: TrainingState) -> dict[str, Tensor]:
    """Train some epochs, and return a copy of everything in the model."""
    for _ in range(EPOCHS):
        _epoch(training)
    return {name: value.detach().clone() for name, value in training.job.model.state_dict().items()}


def _compared(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """Print how many tensors differ, and return an error if any does."""
    differ = [name for name in one if not torch.equal(one[name], other[name])]
    print(f"{len(one) - len(differ)} of {len(one)} tensors have the same bits")
    return [f"weights differ: {', '.join(differ)}"] if differ else []


def _recorded(training: TrainingState) -> bool:
    return isinstance(training.step.step, RecordedStep) and training.step.step.proven


def _seconds(trainings: dict[str, TrainingState], rounds: int) -> dict[str, list[float]]:
    """Return the seconds per step of each training, one epoch after the other, round by round."""
    found: dict[str, list[float]] = {name: [] for name in trainings}
    for turn in range(rounds):
        names = list(trainings)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            training = trainings[name]
            started = time.perf_counter()
            _epoch(training)
            found[name].append((time.perf_counter() - started) / len(training.job.train))
    return found


def _epoch(training: TrainingState) -> None:
    """Train an epoch; its metrics wait for the device."""
    train_epoch(training)
    training.progress.next_epoch()


def _added(times: list[float], others: list[float]) -> float:
    return statistics.median(times) / statistics.median(others) - 1


if __name__ == "__main__":
    main()
