"""The values of a run's configuration that may change when the run is resumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from omegaconf import MISSING

from snntrain.config.dotted import leaves, typed
from snntrain.config.schema import Augment

# These may change: where, how and how long a run computes, how its weights are moved, and what it shows. A group stands
# for all of its keys. All other values decide which network is trained on which data.
FREE = (
    *("name", "allow_targets", "monitor", "scheduler"),
    *("optimizer.lr", "optimizer.weight_decay", "optimizer.betas", "optimizer.momentum", "optimizer.nesterov"),
    *("optimizer.alpha", "trainer.checkpoint_layers"),
    *("dataset.root", "dataset.file", "dataset.resident", "dataset.workers"),
    *("trainer.epochs", "trainer.early_stopping", "trainer.eval_batch_size", "trainer.device", "trainer.precision"),
    *("trainer.clip_grad_norm", "trainer.compile", "trainer.deterministic", "trainer.checkpoint_minutes"),
    *("trainer.max_bad_steps", "trainer.devices", "trainer.timeout_minutes", "trainer.pause_after"),
)
# These set the learning rate of each step.
SCHEDULED = ("optimizer", "scheduler", "trainer.epochs")

# The values of keys that older runs do not have. A group with its `_target_` here is a group that they do not have.
ADDED: dict[str, Any] = {
    "dataset.balance": "none",
    "optimizer.decay_norm": True,
    "optimizer.groups": [],
    **dict.fromkeys(("trainer.init_from", "trainer.curriculum", "trainer.random_T", "trainer.checkpoint_layers")),
    "neuron.learn_threshold": False,
    "neuron.per_neuron": False,
    "neuron.decay_input": True,
    "readout._target_": "snntrain.network.readout.rate.Rate",
    **{"loss.label_smoothing": 0.0, "loss.rate_target": 0.1, "loss.rate_weight": 0.0},
    **{f"dataset.augment.{field.name}": field.default for field in fields(Augment) if field.default != MISSING},
}

# A key, its old value and its new value.
Difference = tuple[str, Any, Any]
ABSENT = "absent"


def refused(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return a message that lists changed values that must stay the same; None if there are no such changes.

    Args:
        before: the plain values with which the run was started.
        now: the plain values with which to resume it.
    """
    listed = changed(before, now)
    if not listed:
        return None
    return f"{listed} would make it another run; keep the old values, or start a new run in another folder"


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the values that make `now` another run than `before`, each as 'T=6 (not 4)'; '' if it is the same run."""
    kept = [difference for difference in differences(before, now) if not _is_below(difference[0], FREE)]
    return ", ".join(f"{key}={typed(new)} (not {typed(old)})" for key, old, new in kept)


def differences(before: Mapping[str, Any], now: Mapping[str, Any], only: Sequence[str] = ()) -> list[Difference]:
    """Return the dotted keys with different values, and both values; only those below the keys in `only`, if given."""
    old, new = dict(leaves(before)), dict(leaves(now))
    keys = [key for key in {**old, **new} if not only or _is_below(key, only)]
    pairs = ((key, *(values.get(key, ADDED.get(key, ABSENT)) for values in (old, new))) for key in keys)
    return [(key, was, wanted) for key, was, wanted in pairs if was != wanted]


def _is_below(key: str, prefixes: Sequence[str]) -> bool:
    return any(key == prefix or key.startswith(f"{prefix}.") for prefix in prefixes)
