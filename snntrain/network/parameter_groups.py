"""Groups of parameters that the optimizer treats differently; the modules of a network declare them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn
from torch.optim import Optimizer


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that are learnt with the same optimizer settings.

    Args:
        parameters: the parameters.
        lr_factor: their learning rate as a multiple of the optimizer's; the schedule applies to both.
        options: other settings of the optimizer that replace those of the configuration, like `{"weight_decay": 0.0}`.
        schedule: settings of a schedule of their own; None for that of the run.
        name: name of the group in logs.
    """

    parameters: Sequence[nn.Parameter]
    lr_factor: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    schedule: Mapping[str, Any] | None = None
    name: str = ""


# Changes the settings of the parameter with a name.
Change = Callable[[str, nn.Parameter, ParameterGroup], ParameterGroup]


def as_declared(name: str, parameter: nn.Parameter, group: ParameterGroup) -> ParameterGroup:
    """Return the group that the modules declare."""
    return group


def parameter_groups(model: nn.Module, change: Change = as_declared) -> list[ParameterGroup]:
    """Return the groups that hold all parameters of a model, each parameter once.

    Any module may have a method `parameter_groups()`, which returns groups of some of its parameters. If two modules
    claim a parameter, the outer one decides. Parameters that no module claims form the first group. Groups with equal
    settings are merged.

    Args:
        model: the model.
        change: called with the name of each parameter, the parameter, and the group that the modules declare for it;
            returns the group that counts.
    """
    claimed: dict[nn.Parameter, ParameterGroup] = {}
    for module in model.modules():
        if (declare := getattr(module, "parameter_groups", None)) is not None:
            claimed = {parameter: group for group in declare() for parameter in group.parameters} | claimed
    default = ParameterGroup([])
    groups: list[tuple[ParameterGroup, list[nn.Parameter]]] = [(default, [])]
    for name, parameter in model.named_parameters():
        wanted = change(name, parameter, claimed.get(parameter, default))
        own = next((own for group, own in groups if _settings(group) == _settings(wanted)), None)
        if own is None:
            groups.append((wanted, [parameter]))
        else:
            own.append(parameter)
    return [replace(group, parameters=own) for group, own in groups if own]


def optimizer_argument(groups: Sequence[ParameterGroup]) -> list[nn.Parameter] | list[dict[str, Any]]:
    """Return the first argument of an optimizer: plain parameters for a single group without settings, else groups."""
    if len(groups) == 1 and not groups[0].options:
        return list(groups[0].parameters)
    return [{"params": list(group.parameters), **group.options} for group in groups]


def scale_learning_rates(optimizer: Optimizer, groups: Sequence[ParameterGroup]) -> None:
    """Multiply the learning rates of a new optimizer by the factors of its groups, before its schedule is made."""
    for own, group in zip(optimizer.param_groups, groups, strict=True):
        own["lr"] *= group.lr_factor


def _settings(group: ParameterGroup) -> tuple[float, Mapping[str, Any], Mapping[str, Any] | None]:
    return group.lr_factor, group.options, group.schedule
