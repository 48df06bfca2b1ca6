#!/usr/bin/env bash
# A sweep of every neuron x reset x detach_reset x {atan, sigmoid} on the digits: 32 runs and their report.
# Fails if a run fails or has a test accuracy below 0.93.
# Usage: scripts/sweep_digits.sh [folder]   (default multirun/digits; a folder that holds runs is refused)
# It uses snntrain and python from PATH: activate the environment with snntrain first.
set -euo pipefail

folder=${1:-multirun/digits}
snntrain -m neuron=if,lif,plif,rif reset=hard,soft detach_reset=true,false surrogate=atan,sigmoid \
    monitor=off hydra.sweep.dir="$folder"
python - "$folder/report.csv" <<'END'
import csv
import sys

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    runs = list(csv.DictReader(file))
lowest = min(runs, key=lambda run: float(run["test_accuracy"]))
print(f"{len(runs)} runs, lowest test accuracy {float(lowest['test_accuracy']):.4f}")
if float(lowest["test_accuracy"]) < 0.93:
    sys.exit(f"below 0.93: {lowest['run']}")
END
