"""The agreement of several processes to stop, to save or to fail between the same two steps."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable

from snntrain.signals import Stop, Stopped
from snntrain.training.job.world import World

log = logging.getLogger("snntrain")


class Agreement(Stop):
    """A request to stop that all processes see at the same check, whichever of them got the signal.

    All processes make the same checks in the same order.

    Args:
        stop: the request of this process.
        world: the processes.
        due: returns whether this process wants the state to be saved.

    Attributes:
        save_now: whether the state is to be saved, as the last check has found.
        failing: whether a process has had too many bad steps, as the last check has found.
    """

    def __init__(self, stop: Stop, world: World, due: Callable[[], bool] = lambda: False) -> None:
        super().__init__()
        self.stop, self.world, self.due = stop, world, due
        self.save_now = self.failing = False

    def check(self, failing: bool = False) -> None:
        """Find out whether any process stops, wants the state to be saved, or has had too many bad steps.

        Args:
            failing: whether this process knows of too many bad steps; processes on GPUs may learn it at different
                steps.

        Raises:
            Stopped: a signal has arrived in one of the processes.
            RunFailed: another process has ended, or does not answer; or an earlier snapshot could not be written.
        """
        number, save, some_fail = self.world.greatest(self.stop.number or 0, int(self.due()), int(failing))
        self.save_now, self.failing = bool(save), bool(some_fail)
        if number:
            if self.stop.number is None:
                name = signal.Signals(number).name
                log.info("stopping after this step, with a checkpoint (another process got %s)", name)
            raise Stopped(number)
