#!/usr/bin/env bash
# Every neuron x reset x detach_reset x {atan, sigmoid} on the digits: 32 runs, one table, sorted as swept.
# Usage: scripts/sweep_digits.sh [folder]   (default multirun/digits; a folder that holds runs is refused)
# Takes snntrain and python from PATH: activate the environment that snntrain is installed in.
set -euo pipefail

folder=${1:-multirun/digits}
snntrain -m neuron=if,lif,plif,rif reset=hard,soft detach_reset=true,false surrogate=atan,sigmoid \
    monitor=off hydra.sweep.dir="$folder"
python "$(dirname "$0")/sweep_table.py" "$folder" --at-least 0.93
