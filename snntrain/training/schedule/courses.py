"""Schedules over the whole run."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from snntrain.training.schedule.warm_up import check_share, steps_of_the_rise, warmed_up


def constant(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """Keep the learning rate constant."""
    return LambdaLR(optimizer, lambda step: 1.0)


def cosine(optimizer: Optimizer, total_steps: int, warmup: float, final: float) -> LRScheduler:
    """Raise the learning rate linearly over the share `warmup` of the steps, then lower it along half a cosine.

    A rise of n steps begins at 1/(n + 1) of the peak.

    Args:
        optimizer: has the peak learning rate.
        total_steps: steps of the whole run.
        warmup: share of the run, in [0, 1).
        final: learning rate at the end, as a share of the peak.

    Raises:
        ValueError: a share outside its range.
    """
    check_share("final", final)
    rise = steps_of_the_rise(warmup, total_steps)

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / (rise + 1)
        done = min(1.0, (step - rise) / max(1, total_steps - rise))
        return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2

    return LambdaLR(optimizer, factor)


def polynomial(optimizer: Optimizer, total_steps: int, power: float, warmup: float, final: float) -> LRScheduler:
    """Raise the learning rate linearly over the share `warmup` of the steps, then lower it as `(1 - t)^power`.

    `t` runs from 0 at the end of the rise to 1 at the end of the run. The factor is
    `final + (1 - final) (1 - t)^power`.

    Args:
        optimizer: has the peak learning rate.
        total_steps: steps of the whole run.
        power: exponent, > 0; 1 is a line.
        warmup: share of the run, in [0, 1).
        final: learning rate at the end, as a share of the peak.

    Raises:
        ValueError: a share outside its range, or a power that is not positive.
    """
    check_share("final", final)
    if not (power > 0 and math.isfinite(power)):
        raise ValueError(f"power must be a positive number, not {power}")
    rise = steps_of_the_rise(warmup, total_steps)

    def course(step: int) -> float:
        done = min(1.0, max(0, step - rise) / max(1, total_steps - rise))
        return float(final + (1 - final) * (1 - done) ** power)

    return warmed_up(optimizer, rise, course)


def linear(optimizer: Optimizer, total_steps: int, warmup: float, final: float) -> LRScheduler:
    """Raise the learning rate linearly over the share `warmup` of the steps, then lower it linearly.

    Arguments and errors as in `polynomial`.
    """
    return polynomial(optimizer, total_steps, 1.0, warmup, final)


def one_cycle(optimizer: Optimizer, total_steps: int, warmup: float) -> LRScheduler:
    """Raise the learning rate to its peak and lower it far below its start, momentum inversely (Smith and Topin, 2018).

    The learning rate runs from lr/25 to lr, then to lr/250,000; momentum, or the first of betas, from 0.95 to 0.85 and
    back, whatever the optimizer's own value.

    Args:
        optimizer: has the peak learning rate.
        total_steps: steps of the whole run.
        warmup: share of the run in which the learning rate rises, in (0, 1).
    """
    # torch also counts a step before the first, and divides by the length of the rise: make it at least half a step.
    rise = max(warmup, 1.5 / (total_steps + 1))
    peaks = [group["lr"] for group in optimizer.param_groups]
    cycles = any("momentum" in group or "betas" in group for group in optimizer.param_groups)
    return OneCycleLR(optimizer, max_lr=peaks, total_steps=total_steps + 1, pct_start=rise, cycle_momentum=cycles)
