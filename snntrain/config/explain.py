"""Turns what Hydra and OmegaConf say of a wrong override into one line for the person who typed it."""

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

# What Hydra and OmegaConf raise about overrides, and about the files that these choose. Some are plain errors:
# ValueError and AssertionError where an option is no word, KeyError where the environment lacks a variable,
# AttributeError where a text takes the place of a mapping of Hydra's.
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
    """'neuron.tau' of '+neuron.tau=3'."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


def explain(error: Exception, override: str, config: DictConfig, groups: Mapping[str, Sequence[str]]) -> str:
    """One line: what was given, what is allowed, what may have been meant.

    Args:
        error: what composing with `override` raised.
        config: the configuration without it.
        groups: the options of each config group.
    """
    cause = error.__cause__ or error
    key, override = key_of(override), words.as_typed(override)
    if key in groups:
        name = override.partition("=")[2]
        if override.startswith("+") and key in (OmegaConf.select(config, "hydra.runtime.choices") or {}):
            return f"{override}: {key} is chosen already; leave the + out, {override.lstrip('+')}"
        if name in groups[key]:
            return f"{override}: {first_line(cause)}; mend its file, or take another option"
        return f"{override}: {_no_such_option(key, name, groups[key])}"
    if isinstance(error, MissingConfigException) and error.options:
        # A group of Hydra's own, as hydra/launcher.
        return f"{override}: {_no_such_option(key, override.partition('=')[2], error.options)}"
    if isinstance(cause, ConfigKeyError | AttributeError) or "Could not" in str(error):
        told = _no_such_key(config, key, groups) or _not_so(override, key)
    elif type(cause) is KeyError:
        told = f"the environment has no variable {cause.args[0]}; set it, or leave it out"
    elif "does not support deletion" in str(cause):
        told = f"{key} is needed and cannot be taken away; give it a value, {key}=…"
    else:
        told = _wrong_type(config, key) if isinstance(cause, OmegaConfBaseException) else ""
    part = "hydra" if key.startswith("hydra") else "job"
    return f"{override}: {told or f'{first_line(cause)}; snntrain --cfg {part} prints the keys with their values'}"


def _no_such_option(group: str, name: str, options: Sequence[str]) -> str:
    return f"no {group} '{name}'; there are {', '.join(options)}{did_you_mean(name, options)}"


def _wrong_type(config: DictConfig, key: str) -> str:
    """What the key must be; nothing where that is not declared."""
    parent, _, leaf = key.rpartition(".")
    above = OmegaConf.select(config, parent) if parent else config
    if not isinstance(above, DictConfig):
        return f"{parent} has a value and no keys of its own; set it, {parent}=…"
    declared = OmegaConf.get_type(above)
    field = {f.name: f for f in fields(declared)}.get(leaf) if is_dataclass(declared) else None
    if field is None or "choices" not in field.metadata:
        return ""
    name = field.type.__name__ if isinstance(field.type, type) and not get_args(field.type) else str(field.type)
    required = name.removesuffix(" | None")
    limits = bounds(field.metadata)
    wanted = TYPE_WORDS[required] + (f", {limits}" if limits else "") + (" or null" if required != name else "")
    return f"must be {wanted} ({field.metadata['meaning']})"


def _no_such_key(config: DictConfig, key: str, groups: Mapping[str, Sequence[str]]) -> str:
    """Which part of the key is not there; nothing where all are."""
    parents = key.split(".")
    for depth in range(len(parents)):
        where = ".".join(parents[:depth])
        known = [str(k) for k in _keys(config, where)]
        if parents[depth] in known:
            continue
        known = [k for k in known if k != "hydra"]
        # A saved configuration does not say by which option its subtrees came.
        choice = (OmegaConf.select(config, "hydra.runtime.choices") or {}).get(where)
        place = f"with {where}={choice} " if choice else f"in {where} " if where else ""
        allowed = sorted({*known, *groups}) if not where else known
        shown = f"; the keys are {', '.join(allowed)}" if allowed else ""
        guess = did_you_mean(parents[depth], allowed) or _elsewhere(config, parents[-1])
        return f"{place}there is no key '{parents[depth]}'{shown}{guess}"
    return ""


def _not_so(override: str, key: str) -> str:
    """What is wrong with the sign in front of a key that is there."""
    if override.startswith("~"):
        return f"it has another value; ~{key} takes it away whatever it is"
    return f"it is there already; without the + it is set, {key}=…" if override.startswith("+") else ""


def _keys(config: DictConfig, where: str) -> list[Any]:
    node = OmegaConf.select(config, where) if where else config
    return list(node) if isinstance(node, DictConfig) else []


def _elsewhere(config: DictConfig, leaf: str) -> str:
    """', did you mean optimizer.lr?' for a key that lives in another group."""
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
    """' (did you mean lif?)', or nothing where no option is near."""
    near = difflib.get_close_matches(given, options, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
