"""Mean and standard deviation that the encoder gets: from the config, or computed once and kept with the weights."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from snntrain.config.schema import Config
from snntrain.data.dataset import Data
from snntrain.data.statistics import Statistics, statistics
from snntrain.errors import UserError

log = logging.getLogger("snntrain")

AUTO = "auto"
# Its key in a checkpoint.
KEY = "normalisation"
MOST_CHANNELS = 1000


def of(config: Config, data: Data, before: Statistics | None) -> Statistics:
    """Return the mean and standard deviation of each channel.

    A key that is auto has the numbers of the run's checkpoint, or else those of the training split.

    Args:
        config: the settings.
        data: the data set.
        before: the numbers in a checkpoint of the run; None if there are none.
    """
    mean, std = config.dataset.mean, config.dataset.std
    if AUTO not in (mean, std):
        return Statistics(_numbers(mean), _numbers(std))
    known = before or statistics(data.train, data.scale)
    found = Statistics(known.mean if mean == AUTO else _numbers(mean), known.std if std == AUTO else _numbers(std))
    origin = "the run's checkpoint" if before else f"{len(data.train):,} training samples"
    log.info("from %s: dataset.mean=%s dataset.std=%s", origin, list(found.mean), list(found.std))
    return found


def _numbers(given: Any) -> tuple[float, ...]:
    return tuple(float(number) for number in given)


def entry(used: Statistics) -> dict[str, list[float]]:
    """Return the numbers as a checkpoint keeps them."""
    return {"mean": list(used.mean), "std": list(used.std)}


def kept(state: Mapping[str, Any]) -> Statistics | None:
    """Return the numbers in a checkpoint; None if an earlier version wrote it.

    Raises:
        UserError: they are not numbers of channels.
    """
    if (found := state.get(KEY)) is None:
        return None
    mean, std = (_numbers_in(found, key) for key in ("mean", "std"))
    if not mean or len(mean) != len(std) or min(std) <= 0:
        raise UserError(
            "the mean and the standard deviation in the checkpoint are not numbers of channels; "
            "put a good copy of it there, or give dataset.mean and dataset.std"
        )
    return Statistics(mean, std)


def _numbers_in(found: Any, key: str) -> tuple[float, ...]:
    """Return the numbers of a key of an entry; none if they are not numbers of channels."""
    values = found.get(key) if isinstance(found, dict) else None
    if not isinstance(values, list) or len(values) > MOST_CHANNELS:
        return ()
    return tuple(values) if all(type(value) is float and math.isfinite(value) for value in values) else ()
