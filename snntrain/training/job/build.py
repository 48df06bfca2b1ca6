"""The construction of a run's objects from its settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from snntrain.config.changes import ADDED
from snntrain.config.schema import Config
from snntrain.config.targets import Component, build, misfit
from snntrain.config.trust.targets import locate
from snntrain.config.values import value_at, values_of
from snntrain.data.augment import Augment
from snntrain.data.augment.fit import check_fit
from snntrain.data.balance import class_weights
from snntrain.data.batches import SHARE_OF_MEMORY, Batches, fits
from snntrain.data.dataset import Data, Split
from snntrain.data.statistics import Statistics
from snntrain.errors import UserError
from snntrain.network.first_input import give_shapes
from snntrain.network.parameter_groups import ParameterGroup
from snntrain.network.pointwise import subsample_before
from snntrain.network.readout import Rate, Readout
from snntrain.network.sequence import checkpoint_segments
from snntrain.network.synchronised import synchronise
from snntrain.neuron import BaseNode, stateful_layers
from snntrain.training.job import compilers, intensities, normalisation, repeatable, time_steps
from snntrain.training.job.average import Average
from snntrain.training.job.optimisation import OF_GROUPS, Steps, optimizer_of, scheduler_of, wrong_schedules
from snntrain.training.job.world import World
from snntrain.training.loss import FiringPenalty, check_lengths, check_probabilities, check_weights, watch

# Keys of a data set that describe its batches, not its content.
PRESENTATION = ("mean", "std", "augment", "balance", "resident", "workers")
# The keys of a group that its class does not get.
NOT_ARGUMENTS = {"dataset": PRESENTATION, "loss": ("rate_target", "rate_weight"), "optimizer": OF_GROUPS}

# The arguments that each component receives besides its own keys: the number of positional ones, and the names.
GIVEN: dict[str, tuple[int, tuple[str, ...]]] = {
    "neuron": (0, ("v_reset", "surrogate_function", "detach_reset", "step_mode")),
    "surrogate": (0, ()),
    "dataset": (0, ()),
    "encoder": (0, ("T", "mean", "std")),
    "network": (0, ("in_shape", "classes", "neuron")),
    "readout": (0, ()),
    "loss": (0, ()),
    "optimizer": (1, ()),
    "scheduler": (1, ()),
}


class Model(nn.Module):
    """Encoder and network: images `[N, C, H, W]`, or sequences `[T, N, *]`, to `[T, N, classes]`.

    Args:
        encoder: makes a sequence of images.
        network: maps the sequence to the output.
        chosen: the readout of the configuration.
    """

    def __init__(self, encoder: nn.Module, network: nn.Module, chosen: Readout | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.network = network
        self.chosen = chosen or Rate()

    @property
    def readout(self) -> Readout:
        """The readout of the network's output."""
        return self.chosen.of(self.network)

    def forward(self, images: Tensor) -> Tensor:
        spikes: Tensor = self.network(self.encoder(images))
        return spikes


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
    _check_targets(config)
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
        _checkpoint(network.network, trainer.checkpoint_layers)
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
        _check_causal(network.network)
    if balance(config) == "loss":
        check_weights(loss)
    if training.augment is not None and training.augment.mixes:
        check_probabilities(loss)
    with _named("optimizer"):
        optimizer, groups = optimizer_of(config, network)
    with _named("scheduler"):
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


def _checkpoint(network: nn.Module, layers: int) -> None:
    try:
        checkpoint_segments(network, layers)
    except ValueError as error:
        raise UserError(f"trainer.checkpoint_layers={layers}: {error}; leave it out") from error


def _loaded(config: Config, world: World) -> Data:
    """Return the data set; one process of each machine loads it first, and may download or convert it."""
    with world.first_of_each_machine():
        return data_of(config)


def data_of(config: Config) -> Data:
    """Return the data set of checked settings.

    Raises:
        UserError: it is missing and cannot be downloaded, or damaged.
    """
    data: Data = component(config, "dataset", **_steps(config, "dataset", config.T))
    return data


def _steps(config: Config, group: str, T: int) -> dict[str, int]:
    """Pass the time steps to a class that asks for them: a data set of frames from events, or a neuron with weights."""
    described = _described(config, group)
    return {"T": T} if "T" not in described.arguments and _takes(config, described.target, "T") else {}


def _takes(config: Config, target: str, key: str) -> bool:
    return key in inspect.signature(locate(target, config.allow_targets)).parameters


def _check_targets(config: Config) -> None:
    """Check that each class of the settings exists and takes its keys, before one of them is built."""
    lines = []
    for group, (given, also) in GIVEN.items():
        try:
            also = (*also, *_more(config, group))
            if group == "neuron":
                _check_spikes(config)
            wrong = misfit(_described(config, group), given, also, config.allow_targets)
            lines += [f"{group}: {wrong}"] if wrong else []
        except UserError as error:
            lines += _of_group(group, error)
    lines += wrong_schedules(config)
    if lines:
        raise UserError(*lines)
    _check_output(config)


def _check_output(config: Config) -> None:
    """Check that the network can end in the layer that the readout needs."""
    if type(_readout(config)).output is not Readout.output and not _takes_output(config):
        readout, network = (_described(config, group).target.rpartition(".")[2] for group in ("readout", "network"))
        raise UserError(
            f"readout={readout}: the network {network} takes no argument output, which makes the layer after its last "
            "linear layer; use readout=rate, which reads its output as it is, or give its __init__ an argument output"
        )


def _takes_output(config: Config) -> bool:
    network = locate(_described(config, "network").target, config.allow_targets)
    return "output" in inspect.signature(network).parameters


def _readout(config: Config) -> Readout:
    readout = component(config, "readout")
    if not isinstance(readout, Readout):
        target = _described(config, "readout").target
        raise UserError(f"readout._target_={target}: must be a subclass of snntrain.network.readout.Readout")
    return readout


def _more(config: Config, group: str) -> dict[str, int]:
    """Return the arguments that some classes get only if they have them; the values do not count."""
    if group == "scheduler":
        return Steps(1, 1).given(_described(config, group).target, config.allow_targets)
    return _steps(config, group, config.T) if group in ("dataset", "neuron") else {}


def _check_spikes(config: Config) -> None:
    """Check that the neurons of all layers spike.

    Raises:
        UserError: they are leaky integrators, which only a readout has.
    """
    target = _described(config, "neuron").target
    found = locate(target, config.allow_targets)
    if inspect.isclass(found) and issubclass(found, BaseNode) and not found.spiking:
        raise UserError(
            f"neuron._target_={target}: never spikes, so it cannot be the neuron of every layer; choose one that does, "
            "as neuron=lif, and readout=membrane for integrators at the end of the network"
        )


def component(config: Config, group: str, *given: Any, **also: Any) -> Any:
    """Return the object that the settings of a group describe."""
    with _named(group):
        return build(_described(config, group), *given, allowed=config.allow_targets, **also)


@contextmanager
def _named(group: str) -> Iterator[None]:
    """Prefix the lines of an error in the block with the name of a group."""
    try:
        yield
    except UserError as error:
        raise UserError(*_of_group(group, error)) from error


def _of_group(group: str, error: UserError) -> list[str]:
    """Return the error's lines, each prefixed with the name of the group."""
    return [line if line.startswith(group) else f"{group}: {line}" for line in error.lines]


def _described(config: Config, group: str) -> Component:
    described = Component.of(getattr(config, group), leave_out=NOT_ARGUMENTS.get(group, ()))
    # A class from before a key was added does without its neutral value.
    arguments = described.arguments.items()
    added = {key for key, value in arguments if (name := f"{group}.{key}") in ADDED and ADDED[name] == value}
    unknown = [key for key in added if not _takes(config, described.target, key)]
    known = {key: value for key, value in arguments if key not in unknown}
    return Component(described.target, known)


def model(config: Config, data: Data, numbers: Statistics) -> Model:
    """Return encoder and network for the images of `data`, and mean and standard deviation of their channels."""
    if len(numbers.mean) != data.channels:
        whole = f"{data.channels}" if len(data.shape) == 3 else f"{data.shape[0]} units, which share one number"
        raise UserError(f"dataset.mean={config.dataset.mean}: one number per channel, and {data.name} has {whole}")
    encoder = component(config, "encoder", T=config.T, mean=list(numbers.mean), std=list(numbers.std))
    intensities.check(encoder, data)
    steps = data.steps or config.T
    neuron, readout = partial(_neuron, config, steps), _readout(config)
    output = {"output": readout.output(neuron)} if _takes_output(config) else {}
    network = component(config, "network", in_shape=data.shape, classes=len(data.class_names), neuron=neuron, **output)
    try:
        give_shapes(network, data.shape, steps)
    except ValueError as error:
        raise UserError(f"network: {error}") from error
    return Model(encoder, network, readout)


def _penalty(config: Config) -> FiringPenalty | None:
    """Return the penalty for firing rates; None if it has no weight, or a user's own loss does not have the keys."""
    target, weight = (value_at(config.loss, key) for key in ("rate_target", "rate_weight"))
    if weight in (None, 0):
        return None
    try:
        return FiringPenalty(target, weight)
    except ValueError as error:
        raise UserError(f"loss.{error}") from error


def _check_causal(network: nn.Module) -> None:
    """Check that no neuron reads later steps, which may be padding.

    Raises:
        UserError: one does.
    """
    for name, layer in stateful_layers(network):
        if not getattr(layer, "causal", True):
            raise UserError(
                f"neuron.causal=False: layer {name} reads all steps, and these sequences have padding; "
                "give neuron.causal=true or neuron=sliding_psn"
            )


def _neuron(config: Config, steps: int) -> BaseNode:
    node = component(
        config,
        "neuron",
        v_reset=config.reset.v_reset,
        surrogate_function=component(config, "surrogate"),
        detach_reset=config.detach_reset,
        step_mode="m",
        **_steps(config, "neuron", steps),
    )
    if not isinstance(node, BaseNode):
        target = _described(config, "neuron").target
        raise UserError(f"neuron._target_={target}: must be a subclass of snntrain.neuron.BaseNode")
    return node


def batches(
    config: Config,
    data: Data,
    split: Split,
    world: World,
    *,
    augmented: bool = False,
    limit: int | None = None,
    mean: Sequence[float] | None = None,
) -> Batches:
    """Return the batches of a split, at most `limit`: shuffled and augmented for training, in order for evaluation.

    Augmentation erases rectangles to the `mean` of each channel.
    """
    resident, balanced = config.dataset.resident, balance(config) if augmented else "none"
    # Each process has a GPU of its own, but those on the CPUs of a machine share its memory.
    share = SHARE_OF_MEMORY / (1 if world.device.type == "cuda" else world.size)
    augment = _augment(config, data) if augmented else None
    return Batches(
        split,
        batch_size=config.trainer.batch_size if augmented else config.trainer.eval_batch_size,
        scale=data.scale,
        device=world.device,
        seed=config.seed,
        shuffle=augmented,
        augment=augment,
        balanced=balanced == "sampler",
        class_weights=class_weights(split.labels, len(data.class_names)) if balanced == "loss" else None,
        classes=len(data.class_names),
        mean=mean,
        resident=resident == "always" or (resident == "auto" and fits(split, world.device, share)),
        workers=config.dataset.workers,
        limit=limit,
        rank=world.rank,
        size=world.size,
    )


def _augment(config: Config, data: Data) -> Augment:
    """Return the random changes of the training samples.

    Raises:
        UserError: the samples cannot have one of them, or the settings of a user's own data set are wrong.
    """
    try:
        augment = Augment(**values_of(config.dataset.augment))
        check_fit(augment, data.train, data.scale)
    except (TypeError, ValueError) as error:
        raise UserError(f"dataset={data.name}: {error}; leave it out, or change it") from error
    return augment


def balance(config: Config) -> str:
    """Return the treatment of classes of different size; a user's own data set may not have the key."""
    return value_at(config.dataset, "balance") or "none"
