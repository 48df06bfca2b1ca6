"""The message of an out-of-memory error: the settings that decide the memory of a run, and those to lower."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from snntrain.config.schema import Config
from snntrain.errors import RunFailed
from snntrain.training.job.world import World

# Messages of PyTorch, its libraries and the CUDA driver, in errors of any class.
SIGNS = (
    "can't allocate memory",
    "Cannot allocate memory",
    "not enough memory",
    "std::bad_alloc",
    "out of memory",
    "cudaErrorMemoryAllocation",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
# The messages about the memory of the machine, even if the device is a GPU.
OF_THE_MACHINE = SIGNS[:4]


@dataclass(frozen=True)
class Work:
    """Work that takes memory.

    Args:
        name: its name in messages.
        batch: the key of `trainer` that sets the number of images at a time; None if no key does.
        finished: whether the network belongs to a finished run and therefore cannot change.
    """

    name: str
    batch: str | None
    finished: bool = False


TRAINING = Work("training", "batch_size")
EVALUATION = Work("evaluation", "eval_batch_size")
EVALUATION_OF_A_FINISHED_RUN = Work("evaluation", "eval_batch_size", finished=True)


def inspection(images: int) -> Work:
    """Return the inspection of a finished run on this number of images, all at once."""
    return Work(f"the inspection of {images:,} images", None, finished=True)


@contextmanager
def explained(config: Config, world: World, work: Work = TRAINING) -> Iterator[None]:
    """Turn an out-of-memory error in the block into one that names the settings to lower; other errors pass.

    Args:
        config: the run's settings.
        world: device and precision of the run.
        work: the work of the block.

    Raises:
        RunFailed: the device or the machine has no memory left.
    """
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise RunFailed(_message(config, world, error, work)) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an allocation failed, on the device or in the machine."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(sign in str(error) for sign in SIGNS)


def _message(config: Config, world: World, error: BaseException, work: Work) -> str:
    where = f"{world.device} ({world.device_name})"
    if world.device.type == "cpu" or _is_of_the_machine(error):
        where = "the CPU"
    batch = f"trainer.{work.batch}={getattr(config.trainer, work.batch)}, " if work.batch else ""
    return (
        f"out of memory on {where} in {work.name} with {batch}T={config.T}, precision {world.precision.name}: "
        f"try {' or '.join(_remedies(config, world, work))}"
    )


def _is_of_the_machine(error: BaseException) -> bool:
    return isinstance(error, MemoryError | OSError) or any(sign in str(error) for sign in OF_THE_MACHINE)


def _remedies(config: Config, world: World, work: Work) -> Iterator[str]:
    """Yield settings that take less memory, beginning with those that do not change the result."""
    trainer, data, device = config.trainer, config.dataset, world.device
    if work.batch is None:
        yield "fewer images with sample=<index>,… or monitor.samples=<number>"
    if work.batch == EVALUATION.batch and trainer.eval_batch_size > 1:
        yield f"trainer.eval_batch_size={trainer.eval_batch_size // 2}"
    if work == TRAINING and trainer.batch_size > 1:
        yield (
            f"trainer.batch_size={trainer.batch_size // 2} with trainer.accumulate={2 * trainer.accumulate}, "
            "which keeps the size of a step,"
        )
    # On a CPU the split is in memory anyway.
    if data.resident == "always" or (data.resident == "auto" and device.type != "cpu"):
        yield "dataset.resident=never"
    if world.precision.dtype == torch.float32:
        yield "trainer.precision=bf16"
    if work == TRAINING and trainer.checkpoint_layers is None and not trainer.compile:
        yield "trainer.checkpoint_layers=4, which computes activations again in the backward pass,"
    if config.T > 1:
        yield "a lower T"
    if data.workers and data.resident == "never" and device.type == "cpu":
        yield "dataset.workers=0"
    yield "a machine with more memory" if work.finished else "a smaller network"
