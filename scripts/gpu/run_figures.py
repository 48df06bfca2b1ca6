"""The figures of a run on MNIST in one line; fails if they are not plausible for such a run.

python scripts/gpu/run_figures.py <run> [--precision bf16] [--least 0.98] [--unfinished]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--precision")
    parser.add_argument("--least", type=float, default=0.0, help="the least test accuracy")
    parser.add_argument("--unfinished", action="store_true", help="it may have been terminated")
    given = parser.parse_args()
    summary = json.loads((given.run / "summary.json").read_text())
    epochs = [json.loads(line) for line in (given.run / "metrics.jsonl").read_text().splitlines()]
    wrong = [f"{key} is not finite" for key, number in numbers([summary, *epochs]) if not math.isfinite(number)]
    if summary["status"] != "completed" and not (given.unfinished and summary["status"] == "interrupted"):
        wrong.append(f"{summary['status']}: {summary.get('error')}")
    if given.precision and summary["precision"] != given.precision:
        wrong.append(f"precision {summary['precision']}, not {given.precision}")
    if summary.get("test_accuracy") is not None and summary["test_accuracy"] < given.least:
        wrong.append(f"test accuracy {summary['test_accuracy']:.4f} is below {given.least}")
    keys = ("status", "device_name", "precision", "epochs", "val_accuracy", "test_accuracy", "test_accuracy_last")
    figures = [f"{key}={summary[key]}" for key in (*keys, "images_per_second") if summary.get(key) is not None]
    print(" ".join([f"{given.run.name}:", *figures]))
    if wrong:
        sys.exit("; ".join(wrong))


def numbers(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number with a fraction, with its key."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from numbers(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item, key)
    elif isinstance(value, float):
        yield key, value


if __name__ == "__main__":
    main()
