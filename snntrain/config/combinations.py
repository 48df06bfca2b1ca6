"""The combinations of a sweep in which values of one rule meet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import product

from snntrain.config import schema
from snntrain.config.explain import key_of
from snntrain.config.rules import RULES, Rule

# A sweep with more combinations is not checked before it starts: each job is checked when it starts.
MOST = 1000
SUBTREES = {field.name for field in fields(schema.Composition)}


@dataclass(frozen=True)
class Combinations:
    """Combinations that share their choices of groups.

    Args:
        overrides: the choices, and the first value of every other override; Hydra composes them.
        values: the values of each combination, which replace those of `overrides` in a hundredth of the time.
    """

    overrides: Sequence[str]
    values: Sequence[Sequence[str]]


def combinations(chooses: Callable[[str], bool], values: Sequence[Sequence[str]]) -> Iterator[Combinations]:
    """Yield all combinations of the swept values that a single rule compares.

    Args:
        chooses: whether an override chooses an option of a group.
        values: the values of each override of the command line, as overrides; several if it is swept.
    """
    compared = {_compared(values, rule) for rule in RULES}
    few = {swept for swept in compared if len(swept) > 1 and math.prod(len(values[n]) for n in swept) <= MOST}
    for swept in sorted(few, key=sorted):
        # A combination of more values contains the combinations of fewer.
        if not any(swept < others for others in few):
            yield from _combined(chooses, values, sorted(swept))


def _compared(values: Sequence[Sequence[str]], rule: Rule) -> frozenset[int]:
    """Return the positions of the swept overrides on which the result of the rule depends."""
    swept = {n: key_of(options[0]) for n, options in enumerate(values) if len(options) > 1}
    return frozenset(n for n, key in swept.items() if rule.reads(key) or _is_preset(key))


def _is_preset(key: str) -> bool:
    """Return whether an override chooses from a group that can set any key, such as experiment."""
    return key.replace("/", ".").partition(".")[0] not in {*SUBTREES, "hydra"}


def _combined(
    chooses: Callable[[str], bool], values: Sequence[Sequence[str]], swept: Sequence[int]
) -> Iterator[Combinations]:
    choices = [n for n in swept if chooses(values[n][0])]
    singles = [n for n in swept if n not in choices]
    for chosen in product(*(values[n] for n in choices)):
        options = dict(zip(choices, chosen, strict=True))
        overrides = [options.get(n, given[0]) for n, given in enumerate(values)]
        yield Combinations(overrides, list(product(*(values[n] for n in singles))))
