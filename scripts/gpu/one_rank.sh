#!/usr/bin/env bash
# Two minutes on a GPU: one process of a run on several devices, with the exchange by NCCL inside the recorded step,
# beside a run without others: the same bits, and at most 2 % more time. See common.sh for the settings.
#
# Usage: scripts/gpu/one_rank.sh
# shellcheck source=scripts/gpu/common.sh
source "$(dirname "$0")/common.sh"

# Seconds for all steps together; tests/test_gpu_scripts.py adds them up.
TOTAL=120

one_rank() {
    local quick=()
    [ -z "$QUICK" ] || quick=(--quick)
    SNNTRAIN_DATA="$scratch/data" "$PYTHON" scripts/gpu/one_rank.py --device "$DEVICE" "${quick[@]}" >"$scratch/one_rank"
    local code=$?
    while IFS= read -r line; do result "$line"; done <"$scratch/one_rank"
    return $code
}

export -f one_rank

begin
step install 15 install
LINES_SHOWN=40 step machine 10 machine
step data 5 data
step one_rank 90 one_rank
end
