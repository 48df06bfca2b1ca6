"""Schedules that count epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from snntrain.training.schedule.warm_up import check_factor, check_share, steps_of_the_rise, warmed_up


def step(
    optimizer: Optimizer, total_steps: int, epoch_steps: int, every: int, factor: float, warmup: float
) -> LRScheduler:
    """Multiply the learning rate by `factor` after every `every` epochs.

    Args:
        optimizer: has the learning rate of the first epoch.
        total_steps: steps of the whole run.
        epoch_steps: steps of an epoch.
        every: number of epochs, at least 1.
        factor: in (0, 1).
        warmup: share of the run in which the learning rate first rises in a line, in [0, 1).

    Raises:
        ValueError: a value outside its range.
    """
    if every < 1:
        raise ValueError(f"every must be at least 1 epoch, not {every}")
    check_factor(factor)
    rise = steps_of_the_rise(warmup, total_steps)
    return warmed_up(optimizer, rise, lambda step: factor ** (step // (every * epoch_steps)))


def multistep(
    optimizer: Optimizer,
    total_steps: int,
    epoch_steps: int,
    milestones: Sequence[int],
    factor: float,
    warmup: float,
) -> LRScheduler:
    """Multiply the learning rate by `factor` after each of some epochs.

    Args:
        optimizer: has the learning rate of the first epoch.
        total_steps: steps of the whole run.
        epoch_steps: steps of an epoch.
        milestones: numbers of finished epochs after which it falls, rising, from 1.
        factor: in (0, 1).
        warmup: share of the run in which the learning rate first rises in a line, in [0, 1).

    Raises:
        ValueError: a value outside its range, or milestones that do not rise.
    """
    ends = list(milestones)
    if not ends or ends[0] < 1 or ends != sorted(set(ends)):
        raise ValueError(f"milestones must be rising numbers of epochs from 1, as [60,120], not {ends}")
    check_factor(factor)
    rise = steps_of_the_rise(warmup, total_steps)

    def course(step: int) -> float:
        return float(factor ** sum(step >= end * epoch_steps for end in ends))

    return warmed_up(optimizer, rise, course)


def cosine_oscillating(
    optimizer: Optimizer, total_steps: int, epoch_steps: int, half_period: float, final: float, warmup: float
) -> LRScheduler:
    """Move the learning rate along a cosine of fixed period, down and up again, as PLIF is trained (Fang et al., 2021).

    At the end of each epoch it is that of torch's `CosineAnnealingLR` with `T_max=half_period`, which is stepped once
    per epoch; between the ends it moves step by step.

    Args:
        optimizer: has the peak learning rate.
        total_steps: steps of the whole run.
        epoch_steps: steps of an epoch.
        half_period: epochs from the peak to the lowest learning rate, > 0.
        final: the lowest learning rate, as a share of the peak.
        warmup: share of the run in which the learning rate first rises in a line, in [0, 1).

    Raises:
        ValueError: a value outside its range.
    """
    if not (half_period > 0 and math.isfinite(half_period)):
        raise ValueError(f"half_period must be a positive number of epochs, not {half_period}")
    check_share("final", final)
    rise = steps_of_the_rise(warmup, total_steps)

    def course(step: int) -> float:
        return final + (1 - final) * (1 + math.cos(math.pi * step / (epoch_steps * half_period))) / 2

    return warmed_up(optimizer, rise, course)
