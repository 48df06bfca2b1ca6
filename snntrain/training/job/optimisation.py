"""The optimizer of a run, and the schedules of its learning rates."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from snntrain.config.schema import Config
from snntrain.config.targets import Component, build, misfit
from snntrain.config.trust.targets import locate
from snntrain.errors import UserError
from snntrain.network.parameter_groups import ParameterGroup, optimizer_argument, scale_learning_rates
from snntrain.training.job.rules import Rules
from snntrain.training.job.uncompiled import without_compiler
from snntrain.training.schedule.of_groups import OfGroups

# Keys of an optimizer that say which parameters form groups; its class does not get them.
OF_GROUPS = ("decay_norm", "groups")
# An argument that a schedule gets if it has it.
EPOCH_STEPS = "epoch_steps"


@dataclass(frozen=True)
class Steps:
    """The steps of a run.

    Args:
        total: of the whole run.
        epoch: of an epoch.
    """

    total: int
    epoch: int

    def given(self, target: str, allowed: Sequence[str]) -> dict[str, int]:
        """Return the arguments of a schedule with this `_target_`.

        Raises:
            UserError: as `locate`.
        """
        parameters = inspect.signature(locate(target, allowed)).parameters
        return {"total_steps": self.total} | ({EPOCH_STEPS: self.epoch} if EPOCH_STEPS in parameters else {})


def wrong_schedules(config: Config) -> list[str]:
    """Return a line for each schedule of a group of parameters that does not exist or does not take its keys."""
    lines = []
    try:
        schedules = Rules.of(config).schedules
    except UserError as error:
        return list(error.lines)
    for index, settings in enumerate(schedules):
        if settings is None:
            continue
        described, where = Component.of(dict(settings)), f"optimizer.groups[{index}].schedule"
        try:
            also = tuple(Steps(1, 1).given(described.target, config.allow_targets))
            wrong = misfit(described, 1, also, config.allow_targets)
        except UserError as error:
            lines += [f"{where}: {line}" for line in error.lines]
        else:
            lines += [f"{where}: {wrong}"] if wrong else []
    return lines


def optimizer_of(config: Config, model: nn.Module) -> tuple[Optimizer, list[ParameterGroup]]:
    """Return the optimizer of a model's parameters, and their groups.

    Raises:
        UserError: a pattern of `optimizer.groups` matches nothing, or the class does not take the settings.
    """
    groups = Rules.of(config).groups(model)
    described = Component.of(config.optimizer, leave_out=OF_GROUPS)
    kind = locate(described.target, config.allow_targets)
    # Steps all parameters in one pass.
    fused = {"fused": True} if "fused" in inspect.signature(kind).parameters else {}
    optimizer: Optimizer = build(
        described, optimizer_argument(groups), allowed=config.allow_targets, variant=without_compiler, **fused
    )
    scale_learning_rates(optimizer, groups)
    return optimizer, groups


def scheduler_of(config: Config, optimizer: Optimizer, groups: Sequence[ParameterGroup], steps: Steps) -> LRScheduler:
    """Return the schedule of an optimizer with these groups; groups may have schedules of their own.

    Raises:
        UserError: a function does not take its settings.
    """
    allowed = config.allow_targets

    def make(part: Any, whole: Optimizer) -> LRScheduler:
        described = Component.of(part)
        given: dict[str, Any] = {**steps.given(described.target, allowed)}
        schedule: LRScheduler = build(described, whole, allowed=allowed, **given)
        return schedule

    def make_of_group(index: int, settings: Mapping[str, Any], whole: Optimizer) -> LRScheduler:
        try:
            return make(settings, whole)
        except UserError as error:
            raise UserError(*(f"optimizer.groups, {groups[index].name}: {line}" for line in error.lines)) from error

    own = {
        index: partial(make_of_group, index, group.schedule)
        for index, group in enumerate(groups)
        if group.schedule is not None
    }
    return OfGroups(optimizer, partial(make, config.scheduler), own) if own else make(config.scheduler, optimizer)


def learning_rates(optimizer: Optimizer, groups: Sequence[ParameterGroup]) -> dict[str, float]:
    """Return the learning rates of the groups with one of their own, by the group's name."""
    pairs = zip(groups, optimizer.param_groups, strict=True)
    return {group.name: float(now["lr"]) for group, now in pairs if _differs(group)}


def _differs(group: ParameterGroup) -> bool:
    return group.schedule is not None or group.lr_factor != 1 or "lr" in group.options
