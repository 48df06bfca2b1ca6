"""What to do when memory runs out: which settings decide how much a run takes, and which of them to lower."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from omegaconf import DictConfig

from snntrain.errors import RunFailed
from snntrain.training import precision, runtime

# What PyTorch, its libraries and the CUDA driver say, in whatever class of error.
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
# Those of them that are about the memory of the machine, also where the device is a GPU.
OF_THE_MACHINE = SIGNS[:4]


@contextmanager
def explained(config: DictConfig, *, evaluating: bool = False) -> Iterator[None]:
    """Tells of memory that runs out in the block what takes it, and what to lower; other errors pass.

    Args:
        config: the run's configuration.
        evaluating: the block validates or tests, and does not train.

    Raises:
        RunFailed: device or machine had no memory left.
    """
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise RunFailed(_told(config, error, evaluating)) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on the device or in the machine."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(sign in str(error) for sign in SIGNS)


def _told(config: DictConfig, error: BaseException, evaluating: bool) -> str:
    here = runtime.choose(config.trainer.device)
    format_name = precision.choose(config.trainer.precision, here.device).name
    key = "eval_batch_size" if evaluating else "batch_size"
    where = f"{here.device} ({here.device_name})"
    if here.device.type == "cpu" or _is_of_the_machine(error):
        where = "the CPU"
    return (
        f"out of memory on {where} in {'evaluation' if evaluating else 'training'} with "
        f"trainer.{key}={config.trainer[key]}, T={config.T}, precision {format_name}: "
        f"try {' or '.join(_remedies(config, here.device, format_name, evaluating))}"
    )


def _is_of_the_machine(error: BaseException) -> bool:
    return isinstance(error, MemoryError | OSError) or any(sign in str(error) for sign in OF_THE_MACHINE)


def _remedies(config: DictConfig, device: torch.device, format_name: str, evaluating: bool) -> Iterator[str]:
    """Settings that take less memory, those first that leave the result as it is."""
    trainer, data = config.trainer, config.dataset
    if evaluating and trainer.eval_batch_size > 1:
        yield f"trainer.eval_batch_size={trainer.eval_batch_size // 2}"
    if not evaluating and trainer.batch_size > 1:
        yield (
            f"trainer.batch_size={trainer.batch_size // 2} with trainer.accumulate={2 * trainer.accumulate}, "
            "which keeps the size of a step,"
        )
    # On a CPU a split in memory is there already, and holding it takes nothing more.
    if data.resident == "always" or (data.resident == "auto" and device.type != "cpu"):
        yield "dataset.resident=never"
    if format_name == "fp32":
        yield "trainer.precision=bf16"
    if config.T > 1:
        yield "a lower T"
    if data.workers and data.resident == "never" and device.type == "cpu":
        yield "dataset.workers=0"
    yield "a smaller network"
