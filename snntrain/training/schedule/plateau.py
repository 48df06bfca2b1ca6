"""A schedule that follows the validation: the learning rate falls when validation stops improving."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from snntrain.training.schedule.warm_up import check_factor, check_share, risen, steps_of_the_rise

# What validation gives each epoch, and whether more of it is better.
WATCHED = {"accuracy": True, "loss": False}
# The settings, which a saved state does not hold.
SETTINGS = ("rise", "watch", "factor", "patience", "final")


class Plateau(LRScheduler):
    """A learning rate that is multiplied by `factor` whenever validation has not improved for some epochs.

    After `patience` epochs without a better value the next one without lowers the learning rate, and the count begins
    again, as in torch's `ReduceLROnPlateau` with threshold 0. All processes see the same validation, and so decide
    alike.

    Args:
        optimizer: has the peak learning rate.
        rise: steps of a linear rise at the start.
        watch: 'accuracy' or 'loss' of the validation.
        factor: in (0, 1).
        patience: epochs without improvement that are tolerated.
        final: the lowest learning rate, as a share of the peak.

    Attributes:
        scale: the learning rate as a share of the peak, without the rise.
        best: the best value so far; 0 before the first epoch.
        epochs: number of epochs with a finite value.
        waited: epochs in a row without improvement.
    """

    def __init__(self, optimizer: Optimizer, rise: int, watch: str, factor: float, patience: int, final: float) -> None:
        self.rise, self.watch, self.factor, self.patience, self.final = rise, watch, factor, patience, final
        self.scale, self.best = 1.0, 0.0
        self.epochs = self.waited = 0
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        """Return the learning rate of each group at the current step."""
        share = self.scale * risen(self.last_epoch, self.rise)
        return [base * share for base in self.base_lrs]

    def validated(self, accuracy: float, loss: float) -> None:
        """Take the validation of an epoch into account; the next step has the new learning rate."""
        value = accuracy if self.watch == "accuracy" else loss
        better = value > self.best if WATCHED[self.watch] else value < self.best
        if math.isfinite(value) and (better or self.epochs == 0):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        self.epochs += math.isfinite(value)
        if self.waited > self.patience:
            self.scale, self.waited = max(self.scale * self.factor, self.final), 0
            for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                if isinstance(group["lr"], Tensor):
                    # A recorded step reads it in this memory.
                    group["lr"].fill_(lr)
                else:
                    group["lr"] = lr

    def state_dict(self) -> dict[str, Any]:
        """Return the position in the run and the validation so far."""
        return {key: value for key, value in super().state_dict().items() if key not in SETTINGS}

    def take_over(self, state: dict[str, Any]) -> None:
        """Keep the validation so far of an earlier plateau's state, for a run that is resumed with other settings."""
        self.scale, self.best = max(float(state["scale"]), self.final), float(state["best"])
        self.epochs, self.waited = int(state["epochs"]), int(state["waited"])


def plateau(
    optimizer: Optimizer, total_steps: int, watch: str, factor: float, patience: int, final: float, warmup: float
) -> LRScheduler:
    """Return a `Plateau`, after a linear rise over the share `warmup` of `total_steps`; other arguments as there.

    Raises:
        ValueError: a value outside its range.
    """
    if watch not in WATCHED:
        raise ValueError(f"watch={watch!r} is not a number of the validation: give one of {', '.join(WATCHED)}")
    if patience < 0:
        raise ValueError(f"patience must be at least 0 epochs, not {patience}")
    check_factor(factor)
    check_share("final", final)
    return Plateau(optimizer, steps_of_the_rise(warmup, total_steps), watch, factor, patience, final)
