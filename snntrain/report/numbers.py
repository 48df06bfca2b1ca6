"""The format of numbers in a report."""

from __future__ import annotations

from snntrain.report.statistics import Spread


def figure(name: str, value: float) -> str:
    """Format a figure of summary.json with its significant digits."""
    if name.endswith(("accuracy", "accuracy_last", "loss")):
        return f"{value:.4f}"
    if name.endswith("_seconds"):
        return f"{value:,.1f}" if value >= 1 else f"{value:.2g}"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread_shown(metric: str, spread: Spread) -> str:
    """Format a mean with its deviation, as '0.9944 ± 0.0012'."""
    return figure(metric, spread.mean) + ("" if spread.std is None else f" ± {figure(metric, spread.std)}")


def signed(metric: str, difference: float) -> str:
    """Format a difference with its sign, with a real minus sign."""
    return f"{'−' if difference < 0 else '+'}{figure(metric, abs(difference))}"
