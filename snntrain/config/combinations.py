"""The combinations of a sweep in which values meet that must fit each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import product
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from snntrain.config import schema
from snntrain.config.explain import OF_OVERRIDES, key_of
from snntrain.config.rules import RULES, Rule

if TYPE_CHECKING:
    from snntrain.config.compose import Composer

# Of more than these the jobs are checked one by one, each as it starts.
MOST = 1000
SUBTREES = {field.name for field in fields(schema.Config)}


def combinations(compose: Composer, values: Sequence[Sequence[str]]) -> Iterator[DictConfig]:
    """The configurations, without Hydra's part, of all combinations of those swept values that one rule compares.

    Args:
        compose: composes them; what it cannot compose is left out.
        values: of each override of the command line its values, as overrides; several where it is swept.
    """
    compared = {_compared(values, rule) for rule in RULES}
    few = {swept for swept in compared if len(swept) > 1 and math.prod(len(values[n]) for n in swept) <= MOST}
    for swept in sorted(few, key=sorted):
        # A combination of more values holds those of fewer.
        if not any(swept < others for others in few):
            yield from _configurations(compose, values, swept)


def _compared(values: Sequence[Sequence[str]], rule: Rule) -> frozenset[int]:
    """Which of the swept overrides can change what the rule says, by their positions."""
    swept = {n: key_of(options[0]) for n, options in enumerate(values) if len(options) > 1}
    return frozenset(n for n, key in swept.items() if rule.reads(key) or _is_preset(key))


def _is_preset(key: str) -> bool:
    """Whether an override chooses of a group, as experiment, that can set any key."""
    return key.replace("/", ".").partition(".")[0] not in {*SUBTREES, "hydra"}


def _configurations(compose: Composer, values: Sequence[Sequence[str]], swept: frozenset[int]) -> Iterator[DictConfig]:
    """Composes what is chosen of groups and lays the single values over that, which takes a hundredth of the time."""
    choices = [n for n in sorted(swept) if compose.chooses(values[n][0])]
    singles = [n for n in sorted(swept) if n not in choices]
    for chosen in product(*(values[n] for n in choices)):
        options = dict(zip(choices, chosen, strict=True))
        try:
            config = compose([options.get(n, given[0]) for n, given in enumerate(values)])
        except OF_OVERRIDES:  # A wrong value, told already, or what Hydra refuses before its first job.
            continue
        config = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
        for given in product(*(values[n] for n in singles)):
            yield from _with_values(compose, config, given)


def _with_values(compose: Composer, config: DictConfig, given: Sequence[str]) -> Iterator[DictConfig]:
    try:
        for value in given:
            config = compose.with_value(config, value)
    except OF_OVERRIDES:  # As above.
        return
    yield config
