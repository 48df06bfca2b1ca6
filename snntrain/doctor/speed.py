"""Training for a few seconds on random images of MNIST's shape."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import torch
from omegaconf import DictConfig, OmegaConf

from snntrain.data.batches import Draw
from snntrain.data.dataset import Data, ImageTensors
from snntrain.training.job import build, runtime
from snntrain.training.job.build import Job
from snntrain.training.state import begin

SECONDS = 3.0
# On a GPU the first steps are launched one by one, then one is recorded.
FIRST_STEPS = 5
IMAGES = 8192


@dataclass(frozen=True)
class Speed:
    """Images a second in the long run, and how many seconds the first steps took, compilation included."""

    images_per_second: float
    first_seconds: float


def measure(config: DictConfig, mnist: DictConfig, device: str, precision: str, seconds: float) -> Speed:
    """Trains the configured network on random images.

    Args:
        config: what is trained and how; its data set is not used.
        mnist: the subtree of dataset=mnist.
        device, precision: in place of the configured ones.
        seconds: how long, after the first steps.
    """
    config = copy.deepcopy(config)
    OmegaConf.set_struct(config, False)
    config.dataset = copy.deepcopy(mnist)
    config.dataset._target_ = f"{random_images.__module__}.{random_images.__name__}"
    config.allow_targets = [*config.allow_targets, random_images.__module__]
    config.trainer.device, config.trainer.precision = device, precision
    with runtime.choose(device).current():
        job = build.prepare(config)
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
    """The draw of each batch and its number in its epoch, epoch after epoch."""
    for epoch in count(1):
        for index, draw in enumerate(job.train.draws(epoch)):
            yield draw, index


def _now(job: Job) -> float:
    """The time when everything asked of the device is done."""
    if job.runtime.device.type == "cuda":
        torch.cuda.synchronize(job.runtime.device)
    return time.perf_counter()


def random_images(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Noise of MNIST's shape with ten classes; the arguments are those of every data set, and not used."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (IMAGES, 1, 28, 28), generator=generator).to(torch.uint8)
    split = ImageTensors(images, torch.arange(IMAGES) % 10)
    return Data("random", split, split, split, tuple(map(str, range(10))))
