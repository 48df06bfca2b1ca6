"""Training for a few seconds on random images of MNIST's shape."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import count
from typing import Any

import torch

from snntrain.config.schema import Config, OwnDataset
from snntrain.data.batches import Draw
from snntrain.data.dataset import Data, ImageTensors
from snntrain.training.job import build
from snntrain.training.job.build import Job
from snntrain.training.job.world import World
from snntrain.training.state import begin

SECONDS = 3.0
# On a GPU the first steps are launched one by one, and then one is recorded.
FIRST_STEPS = 5
IMAGES = 8192


@dataclass(frozen=True)
class Speed:
    """Images per second after the first steps, and the seconds of the first steps, including compilation."""

    images_per_second: float
    first_seconds: float


def measure(config: Config, mnist: Mapping[str, Any], world: World, seconds: float) -> Speed:
    """Train the configured network on random images.

    Args:
        config: the settings; its data set is not used.
        mnist: the values of dataset=mnist.
        world: the device and the precision.
        seconds: duration after the first steps.
    """
    shown = {field.name: mnist[field.name] for field in fields(OwnDataset)}
    dataset = OwnDataset(**shown | {"_target_": f"{random_images.__module__}.{random_images.__name__}"})
    allowed = [*config.allow_targets, random_images.__module__]
    with world.current():
        job = build.prepare(replace(config, dataset=dataset, allow_targets=allowed), world)
    with job.computing():
        job.model.train()
        training, draws = begin(job), _draws(job)
        started = _now(job)
        for _ in range(FIRST_STEPS):
            training.step(*next(draws))
        warm, before = _now(job), training.progress.tally.images()
        while time.perf_counter() - warm < seconds:
            training.step(*next(draws))
        took = _now(job) - warm
        return Speed((training.progress.tally.images() - before) / took, warm - started)


def _draws(job: Job) -> Iterator[tuple[Draw, int]]:
    """Yield the draw of each batch and its number in the epoch, epoch after epoch."""
    for epoch in count(1):
        for index, draw in enumerate(job.train.draws(epoch)):
            yield draw, index


def _now(job: Job) -> float:
    """Return the time after the device has finished all of its work."""
    if job.world.device.type == "cuda":
        torch.cuda.synchronize(job.world.device)
    return time.perf_counter()


def random_images(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Return noise of MNIST's shape with ten classes; the arguments are as for all data sets, and are ignored."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (IMAGES, 1, 28, 28), generator=generator).to(torch.uint8)
    split = ImageTensors(images, torch.arange(IMAGES) % 10)
    return Data("random", split, split, split, tuple(map(str, range(10))))
