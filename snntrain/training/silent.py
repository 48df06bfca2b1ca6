"""The journal and the saver of a process that writes nothing: process 0 writes for all."""

from __future__ import annotations

from snntrain.training.logs.journal import Epoch
from snntrain.training.saving.saver import check_weights
from snntrain.training.state import TrainingState


class SilentJournal:
    """A journal that records nothing; its methods are those of `Journal` that the loop calls."""

    def epoch(self, epoch: Epoch, *, last: bool) -> None:
        """Do nothing."""

    def say(self, line: str) -> None:
        """Do nothing."""


class SilentSaver:
    """A saver that writes nothing; its methods are those of `Saver` that the loop calls."""

    def __init__(self, training: TrainingState) -> None:
        self.training = training

    def save(self) -> None:
        """Raise RunFailed if a weight is not finite, as in process 0."""
        check_weights(self.training)

    def save_best(self) -> None:
        """Do nothing."""

    def wait(self) -> None:
        """Do nothing."""
