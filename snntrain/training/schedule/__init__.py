"""Schedules of the learning rate, one value per step. A config names them `snntrain.training.schedule.<name>`.

A schedule is a function of the optimizer, of `total_steps`, the steps of the whole run, and of its own keys. If it has
a parameter `epoch_steps`, it also gets the steps of an epoch.
"""

from snntrain.training.schedule.courses import constant, cosine, linear, one_cycle, polynomial
from snntrain.training.schedule.epochs import cosine_oscillating, multistep, step
from snntrain.training.schedule.plateau import plateau

__all__ = [
    "constant",
    "cosine",
    "cosine_oscillating",
    "linear",
    "multistep",
    "one_cycle",
    "plateau",
    "polynomial",
    "step",
]
