"""The cost of an image in TensorBoard."""

from __future__ import annotations

from typing import Any

# The keys by which runs and layers are compared.
SPENT = ("spikes_per_image", "energy_nj_per_image")


def cost_scalars(cost: dict[str, Any]) -> dict[str, float]:
    """Return the costs by tag: all known values of the network, and those in SPENT of each layer."""
    values = {f"cost/{key}": value for key, value in cost.items() if key != "layers"}
    values |= {f"{key}/{name}": layer[key] for name, layer in cost["layers"].items() for key in SPENT if key in layer}
    return {tag: float(value) for tag, value in values.items() if value is not None}
