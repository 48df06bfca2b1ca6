"""The checks of a command line: all mistakes at once, of one run or of a sweep."""

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from hydra.core.override_parser.types import Override, QuotedString, RangeSweep
from omegaconf import DictConfig, OmegaConf

from snntrain.config import check, schema, words
from snntrain.config.combinations import combinations
from snntrain.config.compose import Composer, composer
from snntrain.config.composed import Composed
from snntrain.config.explain import OF_OVERRIDES, explain, key_of
from snntrain.config.schema import Config
from snntrain.config.trust import config_files, targets
from snntrain.errors import UserError, first_line

# Hydra lists all jobs of a sweep before the first.
MOST_JOBS = 10_000


def validate(
    overrides: Sequence[str],
    *,
    multirun: bool = False,
    config_name: str = "config",
    config_dir: str | None = None,
) -> list[Config]:
    """Return the settings of the command line after checking all of them.

    A single run has one configuration. A sweep has one for each swept value, with the first value of each other swept
    key; combinations are checked if a rule compares their values.

    Raises:
        UserError: with a line for each mistake.
    """
    with composer(config_name, config_dir) as compose:
        return [composed.settings() for composed in checked(compose, overrides, multirun=multirun)]


def checked(
    compose: Composer, overrides: Sequence[str], *, multirun: bool = False, listed: bool = True
) -> list[Composed]:
    """Check as `validate` does, and raise the same, with an existing composer; return composed configurations.

    Args:
        compose: the composer.
        overrides: those of the command line.
        multirun: whether an override may have several values.
        listed: whether every combination becomes a job, so that their number is limited.
    """
    parsed, lines = _parse(compose, overrides, multirun)
    if listed:
        _check_size(parsed)
    values = [_values(override) for override in parsed]
    first = [options[0] for options in values]
    found, config = _errors(compose, first)
    lines += found
    configs = [config]
    for position, options in enumerate(values):
        for value in options[1:]:
            given = [*first[:position], value, *first[position + 1 :]]
            found, changed = _errors_with(compose, config, value, given)
            lines += [line for line in found if line not in lines]
            configs.append(changed)
    for changed in _combined(compose, values):
        lines += [line for line in check.errors(changed) if line not in lines]
    if lines:
        raise UserError(*lines)
    return [Composed(config) for config in configs]


def _combined(compose: Composer, values: Sequence[Sequence[str]]) -> Iterator[DictConfig]:
    """Yield the configurations of the combinations that matter, without Hydra's part.

    Combinations that cannot be composed are left out: a wrong value has its line already, and Hydra refuses the rest
    before its first job.
    """
    for shared in combinations(compose.chooses, values):
        try:
            config = compose(shared.overrides)
        except OF_OVERRIDES:
            continue
        config = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
        for given in shared.values:
            try:
                changed = config
                for value in given:
                    changed = compose.with_value(changed, value)
            except OF_OVERRIDES:
                continue
            yield changed


def _parse(compose: Composer, overrides: Sequence[str], multirun: bool) -> tuple[list[Override], list[str]]:
    """Return the readable overrides, and a line for each unreadable one."""
    parsed: list[Override] = []
    whole, lines = words.unsplit(overrides)
    for line in whole:
        try:
            override = compose.parse(line)
        except UserError as error:
            lines += error.lines
            continue
        if override.is_sweep_override() and not multirun:
            one = f", or write {words.literally(line)} for one value" if override.key_or_group in words.TEXTS else ""
            lines.append(f"{line}: gives several values; add -m to sweep over them{one}")
            continue
        if override.is_sweep_override() and _count(override) == 0:
            lines.append(f"{line}: gives no value at all; a sweep needs one or more, as in T=2,4")
            continue
        if override.key_or_group in compose.groups and not _names_options(override):
            lines.append(f"{line}: a group takes the name of an option, as in neuron=lif")
            continue
        parsed.append(override)
    return parsed, lines


def _names_options(override: Override) -> bool:
    """Return whether all items are names, if the value is a list: Hydra fails on other items."""
    value = override.value()
    return not isinstance(value, list) or all(isinstance(item, str | QuotedString) for item in value)


def _check_size(overrides: Sequence[Override]) -> None:
    """Check that the sweep can be listed, as Hydra does before its first job.

    Raises:
        UserError: it has too many jobs.
    """
    if (jobs := number_of_jobs(overrides)) > MOST_JOBS:
        given = " ".join(override.input_line or "" for override in overrides if override.is_sweep_override())
        raise UserError(f"{given}: makes {jobs:,} jobs, and a sweep takes {MOST_JOBS:,} at most; sweep in parts")


def number_of_jobs(overrides: Sequence[Override]) -> float:
    """Return the number of combinations of all swept values; infinite for a range without an end."""
    return math.prod(_count(override) for override in overrides if override.is_sweep_override())


def _count(override: Override) -> float:
    """Return the number of values of a swept override without listing them; infinite for a range without an end."""
    swept = override.value()
    if not isinstance(swept, RangeSweep):
        return 2 if override.is_interval_sweep() else sum(1 for _ in override.sweep_iterator())
    assert swept.start is not None
    assert swept.stop is not None
    try:
        steps = (swept.stop - swept.start) / swept.step
        return max(0, math.ceil(steps))
    except ZeroDivisionError:
        return 0
    except OverflowError:
        return math.inf
    except ValueError:  # Not a number.
        return 0


def _values(override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [override.input_line or ""]
    key = override.get_key_element()
    if override.is_interval_sweep():
        interval: Any = override.value()
        return [f"{key}={interval.start}", f"{key}={interval.end}"]
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _errors(compose: Composer, overrides: list[str]) -> tuple[list[str], DictConfig]:
    """Return the mistakes in one combination of overrides, and the configuration of the overrides that fit."""
    try:
        config = compose(overrides)
    except OF_OVERRIDES:
        refused, config = _one_by_one(compose, overrides)
        lines = [*refused.values(), *_wrong(config, overrides, [key_of(override) for override in refused])]
        return lines or [_first_that_fails(compose, overrides, config)], config
    return _wrong(config, overrides), config


def _errors_with(
    compose: Composer, config: DictConfig, value: str, overrides: list[str]
) -> tuple[list[str], DictConfig]:
    """Return the same as `_errors`; `config` is already composed, with another value in place of `value`."""
    if not compose.chooses(value):
        try:
            changed = compose.with_value(config, value)
        except OF_OVERRIDES:  # The composition below reports it better.
            pass
        else:
            return _wrong(changed, overrides), changed
    return _errors(compose, overrides)


def _wrong(config: DictConfig, overrides: list[str], refused: Collection[str] = ()) -> list[str]:
    """Return the mistakes in a composed configuration; it lacks the values of the keys `refused`."""
    lines = []
    if not isinstance(config._get_node("hydra"), DictConfig) and "hydra" in config:
        lines.append(f"hydra={config.hydra}: must stay a mapping; set its keys, as in hydra.run.dir=…")
    if OmegaConf.get_type(config) is not schema.Composition:
        lines.append("the primary config has no schema: begin it with defaults: [config, _self_]")
    return [*forbidden(config, overrides), *lines, *check.errors(config, refused)]


def forbidden(config: DictConfig, overrides: Sequence[str]) -> list[str]:
    """Return a line for each value in a file that only the command line may give.

    Args:
        config: the composed configuration.
        overrides: the overrides of the command line.
    """
    lines = []
    allowed = list(config.get("allow_targets") or [])
    given = [key_of(override) for override in overrides]
    if allowed and "allow_targets" not in given:
        lines.append(f"allow_targets={allowed}: only counts on the command line, not in a file; give it there")
    if isinstance(config._get_node("hydra"), DictConfig):
        lines += config_files.check_folders(config.hydra, given)
        lines += config_files.check_launcher(config.hydra, given)
    values = OmegaConf.to_container(config, resolve=False)
    assert isinstance(values, dict)
    return [*targets.forbidden(values, allowed if "allow_targets" in given else []), *lines]


def _one_by_one(compose: Composer, overrides: list[str]) -> tuple[dict[str, str], DictConfig]:
    """Add the overrides one by one, choices of a group first.

    Returns:
        A line for each override that does not fit, and the configuration without these overrides.
    """
    try:
        config = compose([])
    except OF_OVERRIDES as error:
        raise UserError(f"{compose.config_name}.yaml: {first_line(error)}; fix it, or take another config") from error
    choices: list[str] = []
    failed_groups: set[str] = set()
    refused: dict[str, str] = {}
    for override in sorted(overrides, key=lambda o: not compose.chooses(o)):
        key = key_of(override)
        if key.partition(".")[0] in failed_groups:
            continue
        try:
            if compose.chooses(override):
                config = compose([*choices, override])
                choices.append(override)
            else:
                config = compose.with_value(config, override)
        except OF_OVERRIDES as error:
            refused[override] = explain(error, override, config, compose.groups)
            if key in compose.groups:
                failed_groups.add(key)
    return refused, config


def _first_that_fails(compose: Composer, overrides: list[str], config: DictConfig) -> str:
    """Return the line of the first override that does not fit the earlier ones, although it fits `config`.

    Raises:
        RuntimeError: all of them compose.
    """
    for count, override in enumerate(overrides, 1):
        try:
            compose(overrides[:count])
        except OF_OVERRIDES as error:
            return explain(error, override, config, compose.groups)
    raise RuntimeError(f"a composition failed once and not again: {' '.join(overrides)}")
