"""What of a run's configuration may be another one when the run is gone on with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from snntrain.config.dotted import leaves, typed

# Where and how it computes, how long, how its weights are moved, and what is shown of it: keys, and groups with all of
# their keys. Everything else is what network is trained on what data.
FREE = (
    *("name", "allow_targets", "monitor", "scheduler"),
    *("optimizer.lr", "optimizer.weight_decay", "optimizer.betas", "optimizer.momentum", "optimizer.nesterov"),
    *("dataset.root", "dataset.resident", "dataset.workers"),
    *("trainer.epochs", "trainer.early_stopping", "trainer.eval_batch_size", "trainer.device", "trainer.precision"),
    *("trainer.clip_grad_norm", "trainer.compile", "trainer.deterministic", "trainer.checkpoint_minutes"),
    "trainer.max_bad_steps",
)
# By which the learning rate of a step is set.
SCHEDULED = ("optimizer", "scheduler", "trainer.epochs")

# A key, what it was, and what it is to be.
Difference = tuple[str, Any, Any]
ABSENT = "absent"


def refused(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Which values, of those that must not change, are not what the run was begun with; None where none is.

    Args:
        before: the run's configuration, as plain values.
        now: the one to go on with.
    """
    listed = changed(before, now)
    if not listed:
        return None
    return f"{listed} would make another run of it; leave them as they were, or begin one in a folder of its own"


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """List the values that make `now` another run than `before`, each as 'T=6 (not 4)'; '' where none does."""
    kept = [difference for difference in differences(before, now) if not _is_below(difference[0], FREE)]
    return ", ".join(f"{key}={typed(new)} (not {typed(old)})" for key, old, new in kept)


def plain(config: DictConfig) -> dict[str, Any]:
    """The configuration as plain values, interpolations resolved and without Hydra's own part."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    content = OmegaConf.to_container(own, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def differences(before: Mapping[str, Any], now: Mapping[str, Any], only: Sequence[str] = ()) -> list[Difference]:
    """The dotted keys whose values differ, with both; of the groups and keys in `only`, if there are any."""
    old, new = dict(leaves(before)), dict(leaves(now))
    keys = [key for key in {**old, **new} if not only or _is_below(key, only)]
    pairs = ((key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys)
    return [(key, was, wanted) for key, was, wanted in pairs if was != wanted]


def _is_below(key: str, prefixes: Sequence[str]) -> bool:
    return any(key == prefix or key.startswith(f"{prefix}.") for prefix in prefixes)
