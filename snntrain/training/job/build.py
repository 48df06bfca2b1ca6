"""The construction of a run's objects from its settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from snntrain.config.schema import Config
from snntrain.config.values import value_at
from snntrain.data.batches import Batches
from snntrain.data.dataset import Data
from snntrain.data.statistics import Statistics
from snntrain.errors import UserError
from snntrain.network.parameter_groups import ParameterGroup
from snntrain.network.pointwise import subsample_before
from snntrain.network.synchronised import synchronise
from snntrain.training.job import compilers, normalisation, repeatable, time_steps
from snntrain.training.job.average import Average
from snntrain.training.job.batches import balance, batches
from snntrain.training.job.components import component, data_of, named
from snntrain.training.job.model import Model, check_causal, compute_again, model
from snntrain.training.job.optimisation import Steps, optimizer_of, scheduler_of
from snntrain.training.job.targets import check_targets
from snntrain.training.job.world import World
from snntrain.training.loss import FiringPenalty, check_lengths, check_probabilities, check_weights, watch


@dataclass
class Job:
    """Everything that training and testing a network needs."""

    config: Config
    world: World
    data: Data
    model: Model
    normalisation: Statistics
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    groups: list[ParameterGroup]
    scheduler: LRScheduler
    scaler: torch.amp.GradScaler
    average: Average[Model] | None
    train: Batches
    validation: Batches

    @property
    def classes(self) -> int:
        return len(self.data.class_names)

    @property
    def steps(self) -> int:
        """The time steps of the network: `T`, or those of the longest training sequence."""
        return self.data.steps or self.config.T

    @property
    def evaluated(self) -> Model:
        """The model that is validated, tested and saved: the one with averaged weights, if an average is kept."""
        return self.model if self.average is None else self.average.model

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Apply the settings of the whole process while the block runs.

        These are the current GPU, the precision of float32, and whether only reproducible operations are allowed.
        """
        with (
            self.world.current(),
            self.world.precision.of_float32(),
            repeatable.deterministic(self.config.trainer.deterministic),
        ):
            yield


def prepare(config: Config, world: World, before: Statistics | None = None) -> Job:
    """Build a job from checked settings; write nothing.

    The job is built on the current GPU, see `World.current`, and trained, tested or inspected in `Job.computing`.

    Args:
        config: the settings.
        world: the device, and the other processes.
        before: mean and standard deviation in a checkpoint of the run, for `dataset.mean=auto`; None if there are none.

    Raises:
        UserError: the device does not support a setting, data is missing or damaged, or the network does not fit the
            images.
    """
    check_targets(config)
    trainer = config.trainer
    if trainer.deterministic:
        repeatable.check_deterministic(world.device)
    compilers.keep_privately(torch_compiles=trainer.compile, device=world.device.type)
    repeatable.seed_everything(config.seed)
    data = _loaded(config, world)
    # Channels last is the order in which convolutions and pooling compute on both devices.
    numbers = normalisation.of(config, data, before)
    network = model(config, data, numbers).to(world.device).to(memory_format=torch.channels_last)
    if world.device.type == "cpu":
        subsample_before(network)
    time_steps.check(trainer, data, network.encoder)
    if trainer.checkpoint_layers is not None:
        compute_again(network.network, trainer.checkpoint_layers)
    training = batches(config, data, data.train, world, augmented=True, limit=trainer.limit_batches, mean=numbers.mean)
    padded = data.padded or (training.augment is not None and training.augment.temporal_crop > 0)
    # Batch normalisation then covers the rows of all processes, and leaves out padding.
    if world.size > 1 or padded:
        synchronise(network, world.sum)
    epoch_steps = -(-len(training) // trainer.accumulate)
    steps = Steps(trainer.epochs * epoch_steps, epoch_steps)
    loss = component(config, "loss").to(world.device)
    if padded:
        check_lengths(loss, data)
        check_causal(network.network)
    if balance(config) == "loss":
        check_weights(loss)
    if training.augment is not None and training.augment.mixes:
        check_probabilities(loss)
    with named("optimizer"):
        optimizer, groups = optimizer_of(config, network)
    with named("scheduler"):
        scheduler = scheduler_of(config, optimizer, groups, steps)
    average = None if trainer.ema is None else Average(network, trainer.ema)
    # After the copy of the network, to which hooks would belong as well.
    for one in [network] if average is None else [network, average.model]:
        watch(loss, one.network)
    if (penalty := _penalty(config)) is not None:
        penalty.attach(network.network, loss)
    return Job(
        config=config,
        world=world,
        data=data,
        model=network,
        normalisation=numbers,
        loss=loss,
        optimizer=optimizer,
        groups=groups,
        scheduler=scheduler,
        scaler=world.precision.scaler(),
        average=average,
        train=training,
        validation=batches(config, data, data.validation, world, limit=trainer.limit_batches),
    )


def _loaded(config: Config, world: World) -> Data:
    """Return the data set; one process of each machine loads it first, and may download or convert it."""
    with world.first_of_each_machine():
        return data_of(config)


def _penalty(config: Config) -> FiringPenalty | None:
    """Return the penalty for firing rates; None if it has no weight, or a user's own loss does not have the keys."""
    target, weight = (value_at(config.loss, key) for key in ("rate_target", "rate_weight"))
    if weight in (None, 0):
        return None
    try:
        return FiringPenalty(target, weight)
    except ValueError as error:
        raise UserError(f"loss.{error}") from error
