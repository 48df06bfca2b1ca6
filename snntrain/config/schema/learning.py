"""The keys of further optimizers and schedules."""

from dataclasses import dataclass

from snntrain.config.schema.option import option
from snntrain.config.schema.training import Optimizer, Scheduler


@dataclass
class RMSprop(Optimizer):
    alpha: float = option("decay rate of the running mean of the squared gradient", at_least=0, below=1)
    momentum: float = option("share of the last step that is added to the next", at_least=0, below=1)


@dataclass
class Warmed(Scheduler):
    warmup: float = option(
        "share of the run in which the learning rate rises in a line, from lr/(1 + steps of the rise)",
        at_least=0,
        below=1,
    )


@dataclass
class Polynomial(Warmed):
    final: float = option("learning rate after the last step, as a share of the greatest", at_least=0, at_most=1)
    power: float = option("exponent of the fall; 1 is a line", above=0, most=1000)


@dataclass
class Step(Warmed):
    every: int = option("epochs after which the learning rate falls, again and again", at_least=1, most=1_000_000)
    factor: float = option("factor by which it falls", above=0, below=1)


@dataclass
class MultiStep(Warmed):
    milestones: list[int] = option(
        "finished epochs after which the learning rate falls, rising", at_least=1, most=1_000_000
    )
    factor: float = option("factor by which it falls", above=0, below=1)


@dataclass
class CosineOscillating(Warmed):
    final: float = option("the lowest learning rate, as a share of the greatest", at_least=0, at_most=1)
    half_period: float = option("epochs from the greatest learning rate to the lowest", above=0, most=1_000_000)


@dataclass
class Plateau(Warmed):
    watch: str = option("number of the validation that has to improve", choices=("accuracy", "loss"))
    patience: int = option("epochs without improvement that are tolerated", at_least=0, most=1_000_000)
    factor: float = option("factor by which the learning rate then falls", above=0, below=1)
    final: float = option("the lowest learning rate, as a share of the greatest", at_least=0, at_most=1)
