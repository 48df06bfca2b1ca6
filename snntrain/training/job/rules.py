"""The groups of parameters that the configuration makes: by patterns of names, and those that do not decay."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from snntrain.config.schedules import settings_of
from snntrain.config.schema import Config, ParameterRule
from snntrain.config.values import value_at
from snntrain.errors import UserError
from snntrain.network.parameter_groups import ParameterGroup, parameter_groups
from snntrain.neuron import BaseNode

NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
# A message shows this many names at most.
MOST_SHOWN = 20
# The name of the network in a model; the names of its parameters are shown without it.
NETWORK = "network."


@dataclass(frozen=True)
class Rules:
    """The settings of the optimizer about groups of parameters.

    Args:
        patterns: groups by pattern; of several that match a name the first decides.
        schedules: for each pattern the settings of its schedule, or None.
        decay_norm: whether normalisations, biases and constants of neurons decay.
    """

    patterns: Sequence[ParameterRule]
    schedules: Sequence[Mapping[str, Any] | None]
    decay_norm: bool

    @classmethod
    def of(cls, config: Config) -> Rules:
        """Return the rules of a run; an optimizer of the user's own has none.

        Raises:
            UserError: the schedule of a group does not exist.
        """
        given = value_at(config.optimizer, "groups") or []
        patterns = [_typed(rule, index) for index, rule in enumerate(given)]
        decay_norm = value_at(config.optimizer, "decay_norm")
        schedules = [
            None if rule.schedule is None else settings_of(rule.schedule, f"optimizer.groups[{index}].schedule")
            for index, rule in enumerate(patterns)
        ]
        return cls(patterns, schedules, decay_norm is not False)

    def groups(self, model: nn.Module) -> list[ParameterGroup]:
        """Return the groups of all parameters of a model, each parameter once.

        A pattern decides over what a module declares, and a module over `decay_norm`.

        Raises:
            UserError: a pattern matches no parameter, or earlier patterns take all that it matches.
        """
        first = {name: self._first(_shown(name)) for name, _ in model.named_parameters()}
        self._check(first)
        constants = set() if self.decay_norm else _without_decay(model)

        def change(name: str, parameter: nn.Parameter, group: ParameterGroup) -> ParameterGroup:
            if (index := first[name]) is not None:
                group = self._by_pattern(index, group)
            if parameter in constants and "weight_decay" not in group.options:
                named = f"{group.name} without decay".strip()
                group = replace(group, options={**group.options, "weight_decay": 0.0}, name=named)
            return group

        return _named(parameter_groups(model, change))

    def _first(self, name: str) -> int | None:
        return next((n for n, rule in enumerate(self.patterns) if fnmatchcase(name, rule.match)), None)

    def _by_pattern(self, index: int, group: ParameterGroup) -> ParameterGroup:
        rule, options = self.patterns[index], dict(group.options)
        if rule.lr is not None:
            options["lr"] = rule.lr
        if rule.weight_decay is not None:
            options["weight_decay"] = rule.weight_decay
        factor = group.lr_factor if rule.lr is None else 1.0
        return ParameterGroup(group.parameters, factor, options, self.schedules[index], rule.match)

    def _check(self, first: Mapping[str, int | None]) -> None:
        names = [_shown(name) for name in first]
        for index, rule in enumerate(self.patterns):
            key = f"optimizer.groups[{index}].match={rule.match}"
            matched = [name for name in names if fnmatchcase(name, rule.match)]
            if not matched:
                near = difflib.get_close_matches(rule.match.strip("*"), _words(names), n=1)
                guess = f" (did you mean {near[0]}?)" if near else ""
                shown = ", ".join(names[:MOST_SHOWN]) + (", …" if len(names) > MOST_SHOWN else "")
                raise UserError(f"{key}: matches no parameter{guess}; the parameters are {shown}")
            if index not in first.values():
                raise UserError(
                    f"{key}: earlier patterns take all that it matches ({', '.join(matched[:MOST_SHOWN])}); "
                    "put it before them, or leave it out"
                )


def _named(groups: Sequence[ParameterGroup]) -> list[ParameterGroup]:
    """Return groups with a name each, under which a log shows their learning rate."""
    names: list[str] = []
    for group in groups:
        name = group.name or ("weights" if group.lr_factor == 1 else f"{group.lr_factor:g} x lr")
        while name in names:
            name += " too"
        names.append(name)
    return [replace(group, name=name) for group, name in zip(groups, names, strict=True)]


def _typed(given: Any, index: int) -> ParameterRule:
    """Return the settings of a group; those of an optimizer without a schema are plain values."""
    if isinstance(given, ParameterRule):
        return given
    keys = [field.name for field in fields(ParameterRule)]
    if not isinstance(given, Mapping) or not {"match"} <= given.keys() <= set(keys):
        raise UserError(
            f"optimizer.groups[{index}]={given}: must be a mapping with match, and of the keys {', '.join(keys)}; "
            "give it like [{match: '*delay*', lr: 0.1}]"
        )
    return ParameterRule(**{"lr": None, "weight_decay": None, "schedule": None, **given})


def _shown(name: str) -> str:
    return name.removeprefix(NETWORK)


def _words(names: Sequence[str]) -> list[str]:
    """Return the names, and the names of the layers and of the parameters in them."""
    return list(dict.fromkeys([*names, *(word for name in names for word in name.split("."))]))


def _without_decay(model: nn.Module) -> set[nn.Parameter]:
    """Return the parameters of normalisations, the biases, and the constants of neurons.

    A parameter with fewer than two dimensions is a constant, too: a weight connects neurons, and has two.
    """
    return {
        parameter
        for module in model.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if isinstance(module, (*NORMS, BaseNode)) or name.endswith("bias") or parameter.ndim < 2
    }
