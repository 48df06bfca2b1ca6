#!/usr/bin/env bash
# Every neuron x reset x detach_reset x {atan, sigmoid} on the digits: 32 runs and their report.
# Fails where a run fails or one is below a test accuracy of 0.93.
# Usage: scripts/sweep_digits.sh [folder]   (default multirun/digits; a folder that holds runs is refused)
# Takes snntrain and python from PATH: activate the environment that snntrain is installed in.
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
