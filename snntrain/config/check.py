"""The checks beyond types: missing values, bounds, and rules between values."""

import math
from collections.abc import Collection, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from snntrain.config import launchers, schema
from snntrain.config.rules import RULES, Rule

# Groups with keys that this program reads. In the other groups it builds the class that _target_ names.
READ = {
    "reset": schema.Reset,
    "trainer": schema.Trainer,
    "monitor": schema.Monitor,
    "sweep": schema.Sweep,
    "search": schema.Search,
}
ALSO_READ = {"dataset": ("mean", "std", "augment", "resident", "workers")}

# Limits for the keys of a user's own class, which has no schema, and for its keys that this program reads.
OF_A_CLASS = {"most": math.inf, "most_items": schema.MOST_ITEMS, "longest": schema.LONGEST}
READ_LIMITS = {
    f"{group}.{field.name}": {"most": field.metadata["most"]}
    for group, keys in ALSO_READ.items()
    for field in fields(schema.Dataset)
    if field.name in keys and "most" in field.metadata
}

# torch counts in 64 bits.
GREATEST = 2**63 - 1

# A mistake: its key, and the message.
Finding = tuple[str, str]


def errors(config: DictConfig, refused: Collection[str] = ()) -> list[str]:
    """Return a line for each value that is missing, out of range, or does not fit another value.

    A rule between values is only checked if each of these values is right on its own.

    Args:
        config: a composed configuration.
        refused: keys with wrong values; `config` does not have these values.
    """
    findings = [*_wrong_values(config), *_wrong_groups(config), *_wrong_launcher(config)]
    wrong = {*refused, *(key for key, _ in findings)}
    asked = [rule for rule in RULES if not any(map(rule.reads, wrong))]
    return [*(line for _, line in findings), *(line for rule in asked for line in _broken(rule, config))]


def _broken(rule: Rule, config: DictConfig) -> Iterator[str]:
    """Yield the lines of a rule, which gets the groups that it compares."""
    if all(group in config for group in rule.groups):
        groups: dict[str, Any] = {group: _object(config[group]) for group in rule.groups}
        yield from rule.broken(schema.Composition(**groups))


def _object(node: DictConfig) -> Any:
    """Return the settings of a group without the values that are missing or cannot be resolved: a rule reads others."""
    declared = OmegaConf.get_type(node)
    values = {}
    for key in map(str, node):
        try:
            value = node[key]
            values[key] = OmegaConf.to_object(value) if OmegaConf.is_config(value) else value
        except OmegaConfBaseException:
            continue
    if not is_dataclass(declared):
        return values
    settings = declared()
    vars(settings).update(values)
    return settings


def _wrong_values(node: DictConfig, path: str = "") -> Iterator[Finding]:
    declared = OmegaConf.get_type(node)
    metadata = {f.name: f.metadata for f in fields(declared)} if is_dataclass(declared) else {}
    keys = [str(key) for key in node if path or key != "hydra"]
    if metadata:
        unknown = [key for key in keys if key not in metadata]
        lacking = [f"{path}{key}" for key in metadata if key not in keys]
        known = f"the keys are {', '.join(metadata)}"
        yield from ((f"{path}{key}", f"{path}{key}: there is no key '{key}' here; {known}") for key in unknown)
        yield from ((where, f"{where} is needed and cannot be removed; give it a value") for where in lacking)
    for key in keys:
        where = f"{path}{key}"
        if OmegaConf.is_missing(node, key):
            yield where, f"{where} has no value: give it one, {where}=…{_description(metadata.get(key))}"
            continue
        try:
            value = node[key]
            if isinstance(value, ListConfig):
                # A reference in the value is resolved as well.
                OmegaConf.to_container(value, resolve=True)
        except OmegaConfBaseException as error:
            reason = str(error).partition("\n")[0]
            yield where, f"{where}={node._get_node(key)}: {reason}; give a value{_description(metadata.get(key))}"
            continue
        if isinstance(value, DictConfig):
            yield from _wrong_values(value, f"{where}.")
        elif isinstance(value, ListConfig) and _holds_settings(value):
            if limit := _beyond(value, metadata[key]):
                yield where, f"{where} {limit} ({metadata[key]['meaning']})"
            for index in range(len(value)):
                yield from _wrong_values(value[index], f"{where}[{index}].")
        elif "choices" in metadata.get(key, {}) and value is not None:
            yield from _out_of_range(where, value, metadata[key])
        elif not metadata and (limit := _beyond(value, OF_A_CLASS | READ_LIMITS.get(where, {}))):
            yield where, f"{where} {limit}"


def _holds_settings(value: ListConfig) -> bool:
    """Return whether a list was declared to hold mappings with declared keys."""
    return is_dataclass(OmegaConf.get_type(value._metadata.element_type))


def _wrong_groups(config: DictConfig) -> Iterator[Finding]:
    """Yield a finding for each group that lacks keys which this program reads."""
    for group in (field.name for field in fields(schema.Composition) if field.type is Any and field.name in config):
        node = config._get_node(group)
        if not isinstance(node, DictConfig) or node._is_none():
            yield group, f"{group}={node}: must be a mapping, keys with values, as conf/{group}/ has"
        elif group in READ:
            if not _extends(node, READ[group]):
                yield group, f"{group}: its file must begin with defaults: [/schema/{group}/{group}@_here_, _self_]"
        elif lacking := [key for key in ("_target_", *ALSO_READ.get(group, ())) if key not in node]:
            yield group, f"{group} has no {', '.join(lacking)}: its file must give them, as conf/{group}/ does"


def _wrong_launcher(config: DictConfig) -> Iterator[Finding]:
    """Yield a finding for each wrong value of a launcher of ours; the keys of Hydra's own are Hydra's."""
    own = config._get_node("hydra") if "hydra" in config else None
    launcher = own._get_node("launcher") if isinstance(own, DictConfig) else None
    if isinstance(launcher, DictConfig) and OmegaConf.get_type(launcher) in schema.LAUNCHERS:
        yield from (findings := [*_wrong_values(launcher, "hydra.launcher.")])
        if not findings:
            settings = OmegaConf.to_object(launcher)
            yield from ((f"hydra.launcher.{key}", line) for key, line in launchers.broken(settings))


def _extends(node: DictConfig, declared: type) -> bool:
    found = OmegaConf.get_type(node)
    return isinstance(found, type) and issubclass(found, declared)


def _description(metadata: Any) -> str:
    """Return the meaning of a key and its bounds, in parentheses."""
    if not metadata:
        return ""
    limits = bounds(metadata) if "choices" in metadata else ""
    return f" ({metadata['meaning']}{', ' if limits else ''}{limits})"


def _out_of_range(where: str, value: Any, metadata: Any) -> Iterator[Finding]:
    numbers = value if isinstance(value, ListConfig) else [value]
    if metadata["nested"]:
        numbers = [number for part in numbers for number in (part if isinstance(part, ListConfig) else [part])]
    if any(isinstance(number, ListConfig | DictConfig) for number in numbers):
        # OmegaConf also accepts a list in place of a number in a list.
        wanted = "a list of flat lists" if metadata["nested"] else "a flat list, without lists in it"
        yield where, f"{where}={value}: must be {wanted} ({metadata['meaning']})"
    elif any(isinstance(number, int) and abs(number) > GREATEST for number in numbers):
        yield where, f"{where}={value}: must be within 64 bits, at most {GREATEST:,} ({metadata['meaning']})"
    elif not all(_within(number, metadata) for number in numbers):
        yield where, f"{where}={value}: must be {bounds(metadata) or 'a finite number'} ({metadata['meaning']})"
    elif limit := _beyond(value, metadata):
        yield where, f"{where} {limit} ({metadata['meaning']})"


def _beyond(value: Any, metadata: Any) -> str:
    """Return the limit that a value exceeds, in words; '' if it exceeds no limit."""
    numbers = value if isinstance(value, ListConfig) else [value]
    longest = max((len(text) for text in numbers if isinstance(text, str)), default=0)
    greatest = max((abs(number) for number in numbers if _is_number(number)), default=0)
    if isinstance(value, ListConfig) and len(value) > metadata["most_items"]:
        return f"has {len(value):,} items; give at most {metadata['most_items']:,}"
    if longest > metadata["longest"]:
        return f"has {longest:,} characters; give at most {metadata['longest']:,}"
    return f"is {greatest:,}; give at most {metadata['most']:,.0f}" if greatest > metadata["most"] else ""


def bounds(metadata: Any) -> str:
    """Return the bounds of a field in words: '> 0', '>= 1 and < 10', 'one of a, b'."""
    signs = {"at_least": ">=", "above": ">", "at_most": "<=", "below": "<"}
    parts = [f"{sign} {metadata[name]}" for name, sign in signs.items() if metadata.get(name) is not None]
    if metadata.get("choices"):
        parts.append(f"one of {', '.join(map(str, metadata['choices']))}")
    return " and ".join(parts)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(value: Any, metadata: Any) -> bool:
    if metadata.get("choices"):
        return value in metadata["choices"]
    if not _is_number(value):
        return True
    return (
        math.isfinite(value)
        and (metadata["at_least"] is None or value >= metadata["at_least"])
        and (metadata["above"] is None or value > metadata["above"])
        and (metadata["at_most"] is None or value <= metadata["at_most"])
        and (metadata["below"] is None or value < metadata["below"])
    )
