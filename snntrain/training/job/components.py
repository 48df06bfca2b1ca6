"""The objects that the groups of a configuration describe, and the arguments that they get."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from snntrain.config.changes import ADDED
from snntrain.config.schema import Config
from snntrain.config.targets import Component, build
from snntrain.config.trust.targets import locate
from snntrain.data.dataset import Data
from snntrain.errors import UserError
from snntrain.training.job.optimisation import OF_GROUPS

# Keys of a data set that describe its batches, not its content.
PRESENTATION = ("mean", "std", "augment", "balance", "resident", "workers")
# The keys of a group that its class does not get.
NOT_ARGUMENTS = {"dataset": PRESENTATION, "loss": ("rate_target", "rate_weight"), "optimizer": OF_GROUPS}

# The arguments that each component receives besides its own keys: the number of positional ones, and the names.
GIVEN: dict[str, tuple[int, tuple[str, ...]]] = {
    "neuron": (0, ("v_reset", "surrogate_function", "detach_reset", "step_mode")),
    "surrogate": (0, ()),
    "dataset": (0, ()),
    "encoder": (0, ("T", "mean", "std")),
    "network": (0, ("in_shape", "classes", "neuron")),
    "readout": (0, ()),
    "loss": (0, ()),
    "optimizer": (1, ()),
    "scheduler": (1, ()),
}


def component(config: Config, group: str, *given: Any, **also: Any) -> Any:
    """Return the object that the settings of a group describe."""
    with named(group):
        return build(described(config, group), *given, allowed=config.allow_targets, **also)


def data_of(config: Config) -> Data:
    """Return the data set of checked settings.

    Raises:
        UserError: it is missing and cannot be downloaded, or damaged.
    """
    data: Data = component(config, "dataset", **time_steps_of(config, "dataset", config.T))
    return data


def described(config: Config, group: str) -> Component:
    """Return the class or function that a group names, with the keys that are its arguments."""
    part = Component.of(getattr(config, group), leave_out=NOT_ARGUMENTS.get(group, ()))
    # A class from before a key was added does without its neutral value.
    arguments = part.arguments.items()
    added = {key for key, value in arguments if (name := f"{group}.{key}") in ADDED and ADDED[name] == value}
    unknown = [key for key in added if not takes(config, part.target, key)]
    known = {key: value for key, value in arguments if key not in unknown}
    return Component(part.target, known)


def takes(config: Config, target: str, key: str) -> bool:
    """Return whether a class or function has an argument of this name."""
    return key in inspect.signature(locate(target, config.allow_targets)).parameters


def time_steps_of(config: Config, group: str, T: int) -> dict[str, int]:
    """Pass the time steps to a class that asks for them: a data set of frames from events, or a neuron with weights."""
    part = described(config, group)
    return {"T": T} if "T" not in part.arguments and takes(config, part.target, "T") else {}


@contextmanager
def named(group: str) -> Iterator[None]:
    """Prefix the lines of an error in the block with the name of a group."""
    try:
        yield
    except UserError as error:
        raise UserError(*of_group(group, error)) from error


def of_group(group: str, error: UserError) -> list[str]:
    """Return the error's lines, each prefixed with the name of the group."""
    return [line if line.startswith(group) else f"{group}: {line}" for line in error.lines]
