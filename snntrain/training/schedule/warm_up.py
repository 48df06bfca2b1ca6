"""The rise of the learning rate at the start of a run, and the checks of a schedule's arguments."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def steps_of_the_rise(warmup: float, total_steps: int) -> int:
    """Return the number of steps in which the learning rate rises.

    Args:
        warmup: share of the run, in [0, 1).
        total_steps: steps of the whole run.

    Raises:
        ValueError: another share.
    """
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup must lie in [0, 1), not {warmup}")
    return round(warmup * total_steps)


def risen(step: int, rise: int) -> float:
    """Return the share of the learning rate at a step of a linear rise: from 1/(rise + 1); 1 after `rise` steps."""
    return (step + 1) / (rise + 1) if step < rise else 1.0


def warmed_up(optimizer: Optimizer, rise: int, course: Callable[[int], float]) -> LambdaLR:
    """Return the schedule with the factor `course(step)`, multiplied by a linear rise over the first `rise` steps."""
    return LambdaLR(optimizer, lambda step: risen(step, rise) * course(step))


def check_share(name: str, value: float, *, least: float = 0.0) -> None:
    """Check a share of the peak learning rate.

    Raises:
        ValueError: not a number in [0, 1], or below `least`.
    """
    if not (math.isfinite(value) and least <= value <= 1):
        raise ValueError(f"{name} must lie in [{least:g}, 1], not {value}")


def check_factor(factor: float) -> None:
    """Check the factor by which a learning rate falls.

    Raises:
        ValueError: not a number in (0, 1).
    """
    if not 0 < factor < 1:
        raise ValueError(f"factor must lie in (0, 1), not {factor}")
