"""Prints a Markdown table of the runs of a sweep, and fails where one is missing or below a wanted accuracy."""

import argparse
import json
from pathlib import Path

import yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the sweep")
    parser.add_argument("--at-least", type=float, default=0.0, help="test accuracy that every run has to reach")
    arguments = parser.parse_args()
    rows = [row(path.parent) for path in sorted(arguments.folder.glob("*/summary.json"), key=job_number)]
    if not rows:
        raise SystemExit(f"{arguments.folder}: holds no jobs of a sweep")
    print("| neuron | reset | detach_reset | surrogate | test accuracy | seconds |")
    print("|---|---|---|---|---|---|")
    for neuron, reset, detach, surrogate, accuracy, seconds in rows:
        print(f"| {neuron} | {reset} | {detach} | {surrogate} | {accuracy:.4f} | {seconds:.1f} |")
    lowest = min(rows, key=lambda row: row[4])
    print(f"\n{len(rows)} runs, lowest test accuracy {lowest[4]:.4f}")
    if lowest[4] < arguments.at_least:
        raise SystemExit(f"below {arguments.at_least}: {lowest}")


def job_number(summary: Path) -> int:
    return int(summary.parent.name.partition("_")[0])


def row(run: Path) -> tuple[str, str, bool, str, float, float]:
    summary = json.loads((run / "summary.json").read_text())
    if summary["status"] != "completed":
        raise SystemExit(f"{run}: {summary['status']}: {summary['error']}")
    config = yaml.safe_load((run / "config.yaml").read_text())
    return (
        config["neuron"]["_target_"].rpartition(".")[2].removesuffix("Node"),
        "soft" if config["reset"]["v_reset"] is None else "hard",
        config["detach_reset"],
        config["surrogate"]["_target_"].rpartition(".")[2],
        summary["test_accuracy"],
        summary["train_seconds"],
    )


if __name__ == "__main__":
    main()
