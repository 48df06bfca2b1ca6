"""The cost per image as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snntrain.cost.count import ASSUMPTION, SIZE, SPIKING, SYNAPTIC

HEAD = ("layer", "spikes", "updates", "MACs", "ACs", "dense", "energy (nJ)", "parameters", "bytes")
KEYS = (*SPIKING, *SYNAPTIC, *SIZE)


def cost_table(figures: Mapping[str, Any], kinds: Mapping[str, str]) -> str:
    """Return the figures of `Cost` as a table: a row per layer, and a row for the whole network.

    Args:
        figures: the result of `Cost.figures`.
        kinds: kinds of the layers whose operations cannot be counted, by name, see `not_counted`.
    """
    rows = [HEAD, *(_row(name, layer) for name, layer in figures["layers"].items()), _row("total", figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = [f"{'<' if i == 0 else '>'}{width}" for i, width in enumerate(widths)]
    lines = ["  ".join(map(format, row, aligned)).rstrip() for row in rows]
    rule = "-" * max(map(len, lines))
    unknown = [
        f"{name} ({kind}): its operations cannot be counted, and so the totals with them are unknown"
        for name, kind in kinds.items()
    ]
    return "\n".join(
        ["cost of an image: spikes, membrane updates, effective and dense operations (docs/cost.md)"]
        + [f"  {line}" for line in (lines[0], rule, *lines[1:-1], rule, lines[-1])]
        + [*unknown, ASSUMPTION]
    )


def _row(name: str, figures: Mapping[str, Any]) -> tuple[str, ...]:
    return (name, *(_cell(figures[key]) if key in figures else "" for key in KEYS))


def _cell(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
