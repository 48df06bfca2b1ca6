"""The name of a job's folder in a sweep: the job's number and its overrides.

Hydra 1.4 deprecates `hydra.job.override_dirname`, so the name is computed here, with the same result: the folders of
earlier sweeps are found again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from omegaconf import OmegaConf

from snntrain.config.explain import key_of
from snntrain.config.schema import BESIDE_THE_RUN

# A file name has at most 255 bytes, and a job's folder is named after its overrides.
LONGEST = 120
# The user's settings for the name; Hydra has the same defaults.
SETTINGS = "hydra.job.config.override_dirname"
SEPARATORS = {"exclude": "exclude_keys", "comma": "item_sep", "equals": "kv_sep"}


def job_folder(number: int, overrides: str | None = None, *, _root_: Any) -> str:
    """Return the name of a job's folder, like '3_neuron=lif,reset=soft'; the number keeps shortened names apart.

    This is the resolver `${job_folder:${hydra.job.num}}`.

    Args:
        number: the number of the job.
        overrides: its overrides in one text, for a command line that names `hydra.job.override_dirname` itself.
    """
    if overrides is None:
        given = OmegaConf.select(_root_, SETTINGS) or {}
        how = {name: given[key] for name, key in SEPARATORS.items() if key in given}
        overrides = joined(_root_.hydra.overrides.task, **how)
    return shortened(number, overrides)


def shortened(number: int, text: str) -> str:
    """Return the name of a folder for a job's number and a text about it."""
    return f"{number}_{text}"[:LONGEST].rstrip("_").replace("/", "-")


def joined(overrides: Iterable[str], exclude: Collection[str] = (), comma: str = ",", equals: str = "=") -> str:
    """Return the overrides of a job in one text, sorted; keys that belong to the sweep as a whole are left out.

    With another number of workers, a sweep must find the same folders.
    """
    named = [line for line in overrides if key_of(line) not in exclude and is_of_a_run(line)]
    return comma.join(sorted(named)).replace("=", equals)


def is_of_a_run(override: str) -> bool:
    """Return whether an override belongs to a run, and not to Hydra or to the sweep as a whole."""
    return _top(override) not in BESIDE_THE_RUN


def is_of_hydra(override: str) -> bool:
    """Return whether an override belongs to Hydra."""
    return _top(override) == "hydra"


def _top(override: str) -> str:
    return key_of(override).replace("/", ".").partition(".")[0]
