"""The time steps of a training step: T, a number that grows with the epochs, or a random one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from torch import nn

from snntrain.config.schema import Trainer
from snntrain.data.dataset import Data
from snntrain.errors import UserError

# Keeps these draws apart from others with the same seed.
OWN = 0x54


@dataclass(frozen=True)
class TimeSteps:
    """The time steps of each training step; validation and test use all T.

    They depend on seed, epoch and step alone: so they are the same in all processes and after a resume.

    Args:
        seed: seed of the run.
        curriculum: pairs of an epoch and the time steps from then on, by rising epochs.
        bounds: least and greatest number of random time steps; None for a number that is not random.
    """

    seed: int
    curriculum: Sequence[tuple[int, int]] = ()
    bounds: tuple[int, int] | None = None

    @classmethod
    def of(cls, trainer: Trainer, seed: int) -> TimeSteps:
        """Return the time steps that the settings ask for."""
        pairs = [(int(epoch), int(steps)) for epoch, steps in trainer.curriculum or []]
        bounds = None if trainer.random_T is None else (trainer.random_T[0], trainer.random_T[1])
        return cls(seed, pairs, bounds)

    @property
    def change(self) -> bool:
        """Whether not all training steps have the T of the run."""
        return bool(self.curriculum) or self.bounds is not None

    def at(self, epoch: int, step: int) -> int | None:
        """Return the time steps of a training step; None for the T of the run.

        Args:
            epoch: its epoch, from 1.
            step: its number in the epoch, from 0.
        """
        if self.bounds is not None:
            generator = np.random.default_rng((self.seed, OWN, epoch, step))
            return int(generator.integers(self.bounds[0], self.bounds[1], endpoint=True))
        return next((steps for start, steps in reversed(self.curriculum) if start <= epoch), None)

    @contextmanager
    def applied(self, encoder: nn.Module, epoch: int, step: int) -> Iterator[None]:
        """Let an encoder make the time steps of a training step in the block, and those of the run after it."""
        whole, steps = encoder.T if self.change else None, self.at(epoch, step)
        if steps is None:
            yield
            return
        encoder.T = steps  # type: ignore[assignment]
        try:
            yield
        finally:
            encoder.T = whole  # type: ignore[assignment]


def check(trainer: Trainer, data: Data, encoder: nn.Module) -> None:
    """Check that the time steps of training can change.

    Raises:
        UserError: the samples have time steps already, or an encoder of the user's own has no `T`.
    """
    key = "curriculum" if trainer.curriculum else "random_T"
    if trainer.curriculum is None and trainer.random_T is None:
        return
    if data.steps is not None or len(data.shape) != 3:
        raise UserError(
            f"trainer.{key}: the samples of {data.name} have their time steps already, and only still images can have "
            f"others in training; leave trainer.{key} out"
        )
    if not isinstance(getattr(encoder, "T", None), int):
        raise UserError(
            f"trainer.{key}: the encoder {type(encoder).__name__} has no attribute T, the number of its time steps; "
            "give it one, or use encoder=direct"
        )
