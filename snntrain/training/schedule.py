"""Schedules of the learning rate, one value per step."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR


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
    """
    rise = round(warmup * total_steps)

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / (rise + 1)
        done = min(1.0, (step - rise) / max(1, total_steps - rise))
        return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2

    return LambdaLR(optimizer, factor)


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
