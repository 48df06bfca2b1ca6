"""The course of the learning rate over a run, a value a step."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR


def constant(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """The same learning rate throughout."""
    return LambdaLR(optimizer, lambda step: 1.0)


def cosine(optimizer: Optimizer, total_steps: int, warmup: float, final: float) -> LRScheduler:
    """Rises in a line over the first share `warmup` of the steps, then falls along half a cosine to `final`.

    Where the rise has n steps, the first of them is at 1/(n + 1) of the greatest.

    Args:
        optimizer: its learning rate is the greatest.
        total_steps: steps of the whole run.
        warmup: share of the run, in [0, 1).
        final: learning rate at the end, as a share of the greatest.
    """
    rise = round(warmup * total_steps)

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / (rise + 1)
        done = min(1.0, (step - rise) / max(1, total_steps - rise))
        return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2

    return LambdaLR(optimizer, factor)


def one_cycle(optimizer: Optimizer, total_steps: int, warmup: float) -> LRScheduler:
    """Up to the optimizer's learning rate and far down again, momentum the other way (Smith and Topin, 2018).

    From lr/25 up to lr, then to lr/250,000; momentum, or the first of betas, from 0.95 to 0.85 and back, whatever the
    optimizer was given.

    Args:
        optimizer: its learning rate is the greatest.
        total_steps: steps of the whole run.
        warmup: share of the run in which the learning rate rises, in (0, 1).
    """
    # torch counts the step before the first, too, and divides by the length of the rise: half a step at least.
    rise = max(warmup, 1.5 / (total_steps + 1))
    greatest = [group["lr"] for group in optimizer.param_groups]
    cycles = any("momentum" in group or "betas" in group for group in optimizer.param_groups)
    return OneCycleLR(optimizer, max_lr=greatest, total_steps=total_steps + 1, pct_start=rise, cycle_momentum=cycles)
