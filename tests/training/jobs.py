"""Small real jobs, and parts of them that a configuration can name."""

from __future__ import annotations

import atexit
import copy
import json
import shutil
import signal
import tempfile
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from snntrain.config.schema import Config
from snntrain.config.validate import validate
from snntrain.data.dataset import Data, ImageTensors
from snntrain.files import whole
from snntrain.files.folder import Folder
from snntrain.training import run
from snntrain.training.evaluation.evaluate import Metrics
from snntrain.training.job import build, world
from snntrain.training.job.build import Job
from snntrain.training.loop import train_epoch
from snntrain.training.loss import MSERate
from snntrain.training.progress import Progress, fresh_progress
from snntrain.training.saving import checkpoint
from snntrain.training.state import TrainingState
from snntrain.training.step.training_step import TrainingStep

TINY = (
    *("network=mlp", "network.hidden=[16]", "trainer.device=cpu", "trainer.precision=fp32"),
    *("trainer.batch_size=16", "trainer.epochs=1", "trainer.limit_batches=2", "monitor=off"),
)
OURS = "allow_targets=[tests.training]"


def configured(*overrides: str) -> Config:
    """Return the settings of a run: a tiny network and a few digits, changed by `overrides`."""
    return copy.deepcopy(_composed(overrides))


@cache
def _composed(overrides: tuple[str, ...]) -> Config:
    """Compose each configuration only once per process, which takes longer than most of these jobs."""
    (config,) = validate([*TINY, *overrides])
    return config


def prepared(*overrides: str) -> Job:
    return prepared_by(configured(*overrides))


def prepared_by(config: Config) -> Job:
    """Return the job of these settings, on the device that they name."""
    return build.prepare(config, world.decide(config.trainer))


def stepping(job: Job) -> TrainingStep:
    """Return the step of a job at its start."""
    return TrainingStep(job, fresh_progress(job).tally)


def one_epoch(job: Job, step: TrainingStep, number: int = 1) -> Metrics:
    """Train the whole of epoch `number`."""
    step.tally.clear()
    progress = Progress(step.tally, epoch=number)
    return train_epoch(TrainingState(job, step, progress))


def trained(folder: Path, *overrides: str) -> dict[str, Any]:
    """Train a whole run in `folder`, and return its summary."""
    return run.train(configured(*overrides), folder)


def undisturbed(folder: Path, *overrides: str) -> None:
    """Put an undisturbed run into `folder`: trained the first time in this process, a copy later."""
    place = _undisturbed(overrides)
    shutil.copytree(place, folder, dirs_exist_ok=True)


@cache
def _undisturbed(overrides: tuple[str, ...]) -> Path:
    place = kept_folder()
    trained(place / "run", *overrides)
    return place / "run"


def kept_folder() -> Path:
    """Make a folder that stays until this process ends, for what several tests copy."""
    place = Path(tempfile.mkdtemp(prefix="snntrain-tests-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return metrics.jsonl without the measured times."""
    measured = ("seconds", "images_per_second")
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in measured} for line in lines]


def state(folder: Path, name: str = "last") -> dict[str, Any]:
    """Load a checkpoint of the run in `folder`, without the measured times."""
    content = checkpoint.load(folder / "checkpoints" / f"{name}.pt")
    content.get("progress", {}).pop("clock", None)
    return content


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write `content` as a whole checkpoint, with a valid checksum."""
    with whole.beside(Folder(path.parent), path.name) as file:
        checkpoint.write(file, content)
    whole.put_in_place(Folder(path.parent), path.name)


def same(one: Any, other: Any, apart: Collection[str] = ()) -> bool:
    """Return whether two checkpoints, or parts of them, are equal to the bit, `apart` from some keys."""
    if isinstance(one, dict):
        keys = one.keys() - set(apart)
        return keys == other.keys() - set(apart) and all(same(one[key], other[key]) for key in keys)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(one, other) if isinstance(one, Tensor) else bool(one == other)


def weights(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in net.named_parameters()}


class Infinite(nn.Module):
    """A loss that is infinite."""

    def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
        return spikes.float().mean() * 0 + torch.inf


class Interrupting(MSERate):
    """A loss that sends a signal to its process in computation number `at`, and fails in number `crash`."""

    calls = 0
    crash = 0
    at: ClassVar[set[int]] = set()
    number = signal.SIGUSR1

    def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
        Interrupting.calls += 1
        if Interrupting.calls in Interrupting.at:
            signal.raise_signal(Interrupting.number)
        if Interrupting.calls == Interrupting.crash:
            raise RuntimeError("crashed")
        return super().forward(spikes, labels)


@pytest.fixture(autouse=True)
def _interrupted_by_nobody() -> Iterator[None]:
    yield
    Interrupting.calls, Interrupting.at, Interrupting.crash = 0, set(), 0
    Interrupting.number = signal.SIGUSR1


def moving_dots(root: str | None, validation: float, split_seed: int) -> Data:
    """Return sequences of 6 steps with two channels, as in event data: a dot in the left or in the right half."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(48) % 2
    events = torch.zeros(48, 6, 2, 4, 4, dtype=torch.uint8)
    for events_of_one, label in zip(events, labels.tolist(), strict=True):
        for step in events_of_one:
            row, column, polarity = (int(torch.randint(high, (), generator=generator)) for high in (4, 2, 2))
            step[polarity, row, 2 * label + column] = 1
    parts = [ImageTensors(events[start:end], labels[start:end]) for start, end in ((0, 32), (32, 40), (40, 48))]
    return Data("dots", *parts, class_names=("left", "right"), scale=1.0)
