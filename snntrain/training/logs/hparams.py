"""The table by which TensorBoard compares runs: its HParams tab."""

from __future__ import annotations

from typing import Any

from snntrain.config.schema import Config
from snntrain.config.values import values_of
from snntrain.training.logs.cost_scalars import SPENT

GROUPS = (
    *("neuron", "surrogate", "reset", "network", "encoder"),
    *("readout", "loss", "optimizer", "scheduler", "trainer"),
)


def hyper_parameters(config: Config, data_name: str) -> dict[str, bool | int | float | str]:
    """Return the settings by which runs differ, by dotted key; a group is named after its class: `neuron: PLIFNode`.

    TensorBoard's columns take numbers, strings and booleans; anything else becomes a string.
    """
    values: dict[str, bool | int | float | str] = {}
    for key in ("T", "seed", "detach_reset"):
        values[key] = getattr(config, key)
    for group in GROUPS:
        own = values_of(getattr(config, group))
        target = own.pop("_target_", None)
        for key, value in own.items():
            values[f"{group}.{key}"] = value if isinstance(value, bool | int | float | str) else str(value)
        if target is not None:
            values[group] = target.rpartition(".")[2]
    values["dataset"] = data_name
    return values


def final_metrics(summary: dict[str, Any]) -> dict[str, float]:
    """Return the results by which runs are compared."""
    keys = ("test_accuracy", "test_accuracy_last", "val_accuracy", "images_per_second")
    results = {**{key: summary[key] for key in keys}, **{key: summary["cost"][key] for key in SPENT}}
    return {key: float(value) for key, value in results.items() if value is not None}
