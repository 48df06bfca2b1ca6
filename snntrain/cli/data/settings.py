"""The settings of the data sets, from conf/, the user's own folder and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from snntrain.cli.arguments import Arguments, unquoted
from snntrain.config.compose import CONF, Composer, composer
from snntrain.config.composed import Composed
from snntrain.config.explain import did_you_mean
from snntrain.config.validate import checked
from snntrain.errors import UserError
from snntrain.files import bounded, safe_yaml

GROUP = "dataset"
ROOT = "dataset.root="


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names, and the overrides, which have a value."""
    return [word for word in words if "=" not in word], [word for word in words if "=" in word]


def named_root(action: str, overrides: Sequence[str]) -> str | None:
    """Return the data root that the overrides name; None if they do not.

    Raises:
        UserError: there is another override.
    """
    for word in overrides:
        if not word.startswith(ROOT):
            raise UserError(f"{word}: data {action} takes dataset.root=<folder>, and no other key")
    return unquoted(overrides[-1].removeprefix(ROOT)) if overrides else None


def of_sets(arguments: Arguments, overrides: Sequence[str], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the plain values of the group dataset of each set, by its name.

    Args:
        arguments: those of the command line.
        overrides: overrides of every set; a key that a set does not have is an error.
        names: the sets; None for all.

    Raises:
        UserError: there is no such set, or an override does not fit.
    """
    for word in overrides:
        if not word.lstrip("+").startswith(f"{GROUP}."):
            raise UserError(f"{word}: must be a key of the data set, as dataset.root=<folder>")
    with composer(config_dir=arguments.flags.get("--config-dir")) as compose:
        return {name: _of_one(compose, name, overrides) for name in _names(compose, names)}


def _names(compose: Composer, names: Sequence[str] | None) -> list[str]:
    known = compose.groups[GROUP]
    for name in names or ():
        if name not in known:
            raise UserError(
                f"{name}: there is no such data set{did_you_mean(name, known)}; the data sets are {', '.join(known)}"
            )
    return list(known) if names is None else list(dict.fromkeys(names))


def _of_one(compose: Composer, name: str, overrides: Sequence[str]) -> Any:
    ours = CONF / GROUP / f"{name}.yaml"
    if not overrides and ours.is_file():
        # Composing all sets takes seconds, and our own files have every key.
        return safe_yaml.parse(bounded.text(ours))
    choice = f"{GROUP}={name}"
    if overrides:
        (composed,) = checked(compose, [choice, *overrides])
    else:
        composed = Composed(compose([choice]))
    return composed.value(GROUP)
