"""The checks of a search before anything is written: the same as those of overrides, for each end and each choice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, IntegerNode, OmegaConf

from snntrain.cli.search import forms
from snntrain.cli.search.space import Choice, Dimension, Range, Space
from snntrain.config import words
from snntrain.config.compose import Composer
from snntrain.config.composed import Composed
from snntrain.config.explain import OF_OVERRIDES, key_of
from snntrain.config.validate import checked
from snntrain.errors import UserError

# Keys of the search and of Hydra are the same for all trials.
NOT_SEARCHED = ("hydra", "sweep", "search", "name", "allow_targets")
PAUSE = "trainer.pause_after"
SUBDIR = "hydra.sweep.subdir"


@dataclass(frozen=True)
class Asked:
    """The wishes of a command line.

    Args:
        fixed: the overrides that all trials share.
        space: the dimensions.
        first: the configuration of the fixed overrides, with the first value of each dimension.
    """

    fixed: tuple[str, ...]
    space: Space
    first: Composed

    def groups(self, compose: Composer) -> list[str]:
        """Return the first option of each searched group, for a composition of what all trials share.

        A fixed key may fit only an option that is searched, and not the default.
        """
        return [f"{each.key}={each.ends()[0]}" for each in self.space.dimensions if each.key in compose.groups]


def read(compose: Composer, overrides: Sequence[str]) -> Asked:
    """Return the search that overrides describe, after checking all of it.

    Raises:
        UserError: with a line for each mistake.
    """
    whole, lines = words.unsplit(overrides)
    fixed, given = _split(compose, whole, lines)
    given = _space_of_files(compose, fixed, lines) | given
    dimensions: list[Dimension] = []
    for key, value in given.items():
        try:
            if reason := _not_searched(key):
                raise UserError(f"{forms.SPACE}: {key}: {reason}")
            dimensions.append(value if not isinstance(value, _Raw) else forms.dimension(compose, key, value.content))
        except UserError as error:
            lines += error.lines
    space = Space(tuple(sorted(dimensions, key=lambda each: each.key not in compose.groups)))
    space = Space(space.dimensions, dict(_conditions(compose, fixed, space)))
    configs: list[Composed] = []
    for some in _together(space):
        try:
            configs += checked(compose, [*fixed, *some], multirun=True, listed=False)
        except UserError as error:
            lines += [line for line in error.lines if line not in lines]
    lines += _fixed_by_the_search(fixed)
    if not lines and not dimensions:
        lines.append(
            f"{forms.SPACE}: names no key; give values to choose from, as in neuron=lif,plif or "
            "'optimizer.lr=log(1e-4,1e-1)'"
        )
    if lines:
        raise UserError(*_once(lines))
    keys = [each.key for each in space.dimensions if any(_is_whole(config, each.key) for config in configs)]
    return Asked(tuple(fixed), space.with_whole_numbers(keys), configs[0])


@dataclass(frozen=True)
class _Raw:
    """A value of the space that was not read yet."""

    content: Any


def _split(
    compose: Composer, overrides: Sequence[str], lines: list[str]
) -> tuple[list[str], dict[str, _Raw | Dimension]]:
    """Return the fixed overrides, and the dimensions by key; the last one wins, as among overrides."""
    fixed: list[str] = []
    given: dict[str, _Raw | Dimension] = {}
    for word in overrides:
        key, _, value = word.partition("=")
        try:
            if key == forms.SPACE:
                given = {name: _Raw(text) for name, text in forms.of_text(value).items()}
            elif key.startswith(f"{forms.SPACE}."):
                given[key.removeprefix(f"{forms.SPACE}.")] = _Raw(words.unquoted(value))
            elif forms.is_form(value):
                given[key] = _Raw(value)
            elif (override := compose.parse(word)).is_sweep_override():
                given[key] = forms.of_override(key, override)
            else:
                fixed.append(word)
        except UserError as error:
            lines += error.lines
    return fixed, given


def _space_of_files(compose: Composer, fixed: Sequence[str], lines: list[str]) -> dict[str, _Raw | Dimension]:
    """Return the space of search/*.yaml or of another file."""
    chosen = [word for word in fixed if key_of(word).partition(".")[0] in ("search", "experiment", "debug")]
    try:
        content = Composed(compose(chosen)).value(forms.SPACE)
        return {key: _Raw(value) for key, value in forms.of_file(content or {}).items()}
    except OF_OVERRIDES:
        return {}  # The checks below report it.
    except UserError as error:
        lines += error.lines
        return {}


def _not_searched(key: str) -> str | None:
    """Return why a key cannot be searched; None if it can."""
    if key.replace("/", ".").partition(".")[0] in NOT_SEARCHED:
        return "is the same for all trials; give it one value, outside the space"
    return "is set by the search itself; leave it out" if key == PAUSE else None


def _fixed_by_the_search(fixed: Sequence[str]) -> Iterator[str]:
    for word in fixed:
        if key_of(word) == PAUSE:
            yield f"{word}: is set by the search itself; give search.pruner=halving, or leave it out"
        elif key_of(word) == SUBDIR:
            yield f"{word}: a search names the folders of its trials itself; leave it out"


def _conditions(
    compose: Composer, fixed: Sequence[str], space: Space
) -> Iterator[tuple[str, tuple[str, frozenset[str]]]]:
    """Yield the keys that only some options of a searched group have, with the group and these options."""
    groups = {each.key: each for each in space.dimensions if isinstance(each, Choice) and each.key in compose.groups}
    firsts = {key: each.texts[0] for key, each in groups.items()}
    for each in space.dimensions:
        group = each.key.partition(".")[0]
        if group not in groups or group == each.key:
            continue
        having = frozenset(
            option
            for option in groups[group].texts
            if _has(compose, [*fixed, *(f"{key}={text}" for key, text in (firsts | {group: option}).items())], each.key)
        )
        # A key that no option has is reported by the checks of its values.
        if having and len(having) < len(groups[group].texts):
            yield each.key, (group, having)


def _has(compose: Composer, overrides: Sequence[str], key: str) -> bool:
    """Return whether a configuration has a key; a fixed key below a group may fit only some of its options."""
    parent, _, leaf = key.rpartition(".")
    try:
        node = OmegaConf.select(compose([word for word in overrides if "." not in key_of(word)]), parent)
    except (*OF_OVERRIDES, HydraException):
        return False
    return isinstance(node, DictConfig) and leaf in node


def _together(space: Space) -> Iterator[list[str]]:
    """Yield overrides to check together: all keys without a condition, then each key with one, beside its options."""
    always = [each for each in space.dimensions if each.key not in space.only_with]
    yield [_swept(each.key, each.ends()) for each in always]
    for each in space.dimensions:
        if each.key in space.only_with:
            group, options = space.only_with[each.key]
            others = [_swept(other.key, other.ends()[:1]) for other in always if other.key != group]
            yield [*others, _swept(group, sorted(options)), _swept(each.key, each.ends())]


def _once(lines: Sequence[str]) -> list[str]:
    """Keep one line for each mistake of a key, whichever values of the key make it."""
    mistakes = {(key_of(line), line.partition(": ")[2]): line for line in reversed(lines)}
    return [line for line in lines if line in mistakes.values()]


def ranges(space: Space) -> list[Range]:
    """Return the ranges of numbers that every trial has."""
    return [each for each in space.dimensions if isinstance(each, Range) and each.key not in space.only_with]


def _swept(key: str, texts: Sequence[str]) -> str:
    return f"{key}=choice({','.join(texts)})"


def _is_whole(config: Composed, key: str) -> bool:
    """Return whether a key takes whole numbers only."""
    parent, _, leaf = key.rpartition(".")
    node = OmegaConf.select(config.node, parent) if parent else config.node
    return isinstance(node, DictConfig) and leaf in node and isinstance(node._get_node(leaf), IntegerNode)
