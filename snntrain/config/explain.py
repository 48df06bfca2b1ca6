"""The explanation of an error of Hydra or OmegaConf about an override, in one line for the person who typed it."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import yaml
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from snntrain.config import words
from snntrain.config.check import bounds
from snntrain.errors import first_line

# Hydra and OmegaConf raise these errors about overrides and about the files that overrides choose. Some are plain
# errors: ValueError and AssertionError if an option is not a word, KeyError if the environment lacks a variable,
# AttributeError if a text takes the place of one of Hydra's mappings.
OF_OVERRIDES = (
    *(HydraException, OmegaConfBaseException, ValueError, AssertionError, KeyError, AttributeError),
    *(yaml.YAMLError, OSError),
)
TYPE_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "list[int]": "a list of whole numbers, as in [32,64]",
    "list[float]": "a list of numbers, as in [0.9,0.999]",
    "list[str]": "a list of texts, as in [a,b]",
}


def key_of(override: str) -> str:
    """Return the key of an override: 'neuron.tau' for '+neuron.tau=3'."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


def explain(error: Exception, override: str, config: DictConfig, groups: Mapping[str, Sequence[str]]) -> str:
    """Return one line: what was given, what is allowed, and a similar name if there is one.

    Args:
        error: raised while composing with `override`.
        config: the configuration without `override`.
        groups: the options of each config group.
    """
    cause = error.__cause__ or error
    key, override = key_of(override), words.as_typed(override)
    if key in groups:
        name = override.partition("=")[2]
        if override.startswith("+") and key in (OmegaConf.select(config, "hydra.runtime.choices") or {}):
            return f"{override}: {key} is chosen already; leave the + out, {override.lstrip('+')}"
        if name in groups[key]:
            return f"{override}: {first_line(cause)}; fix its file, or take another option"
        return f"{override}: {_no_such_option(key, name, groups[key])}"
    if isinstance(error, MissingConfigException) and error.options:
        # A group of Hydra's own, such as hydra/launcher.
        return f"{override}: {_no_such_option(key, override.partition('=')[2], error.options)}"
    if isinstance(cause, ConfigKeyError | AttributeError) or "Could not" in str(error):
        reason = _no_such_key(config, key, groups) or _not_so(override, key) or _wrong_type(config, key)
    elif type(cause) is KeyError:
        reason = f"the environment has no variable {cause.args[0]}; set it, or leave it out"
    elif "does not support deletion" in str(cause):
        reason = f"{key} is needed and cannot be removed; give it a value, {key}=…"
    else:
        reason = _wrong_type(config, key) if isinstance(cause, OmegaConfBaseException) else ""
    part = "hydra" if key.startswith("hydra") else "job"
    return f"{override}: {reason or f'{first_line(cause)}; snntrain --cfg {part} prints the keys with their values'}"


def _no_such_option(group: str, name: str, options: Sequence[str]) -> str:
    return f"no {group} '{name}'; there are {', '.join(options)}{did_you_mean(name, options)}"


def _wrong_type(config: DictConfig, key: str) -> str:
    """Return the type and bounds of a key in words; '' if it is not declared."""
    parent, _, leaf = key.rpartition(".")
    above = OmegaConf.select(config, parent) if parent else config
    if not isinstance(above, DictConfig):
        return f"{parent} has a value and no keys of its own; set it, {parent}=…"
    declared = OmegaConf.get_type(above)
    field = {f.name: f for f in fields(declared)}.get(leaf) if is_dataclass(declared) else None
    if field is None or "choices" not in field.metadata:
        return ""
    items = next(iter(get_args(field.type)), None)
    if is_dataclass(items):
        keys = ", ".join(one.name for one in fields(items))
        return f"must be a list of mappings with the keys {keys} ({field.metadata['meaning']})"
    name = field.type.__name__ if isinstance(field.type, type) and not get_args(field.type) else str(field.type)
    required = name.removesuffix(" | None")
    limits = bounds(field.metadata)
    if required not in TYPE_WORDS:
        return f"cannot have this value ({field.metadata['meaning']})"
    wanted = TYPE_WORDS[required] + (f", {limits}" if limits else "") + (" or null" if required != name else "")
    return f"must be {wanted} ({field.metadata['meaning']})"


def _no_such_key(config: DictConfig, key: str, groups: Mapping[str, Sequence[str]]) -> str:
    """Return a message about the first part of a key that does not exist; '' if all exist."""
    parents = key.split(".")
    for depth in range(len(parents)):
        where = ".".join(parents[:depth])
        known = [str(k) for k in _keys(config, where)]
        if parents[depth] in known:
            continue
        known = [k for k in known if k != "hydra"]
        # A saved configuration does not record the options from which its subtrees came.
        choice = (OmegaConf.select(config, "hydra.runtime.choices") or {}).get(where)
        place = f"with {where}={choice} " if choice else f"in {where} " if where else ""
        allowed = sorted({*known, *groups}) if not where else known
        shown = f"; the keys are {', '.join(allowed)}" if allowed else ""
        guess = did_you_mean(parents[depth], allowed) or _elsewhere(config, parents[-1])
        return f"{place}there is no key '{parents[depth]}'{shown}{guess}"
    return ""


def _not_so(override: str, key: str) -> str:
    """Return why the sign in front of an existing key is wrong."""
    if override.startswith("~"):
        return f"it has another value; ~{key} removes it whatever its value"
    return f"it exists already; set it without the +, {key}=…" if override.startswith("+") else ""


def _keys(config: DictConfig, where: str) -> list[Any]:
    node = OmegaConf.select(config, where) if where else config
    return list(node) if isinstance(node, DictConfig) else []


def _elsewhere(config: DictConfig, leaf: str) -> str:
    """Return ' (did you mean optimizer.lr?)' for a key of another group; '' if no group has such a key."""
    paths = {path.rpartition(".")[2]: path for path in _paths(config) if not path.startswith("hydra.")}
    near = difflib.get_close_matches(leaf, paths, n=1)
    return f" (did you mean {paths[near[0]]}?)" if near else ""


def _paths(node: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in map(str, node):
        if prefix == "" and key == "hydra":
            continue
        child = node._get_node(key)
        if isinstance(child, DictConfig):
            yield from _paths(child, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def did_you_mean(given: str, options: Collection[str]) -> str:
    """Return ' (did you mean lif?)'; '' if no option is similar."""
    near = difflib.get_close_matches(given, options, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
