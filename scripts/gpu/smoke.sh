#!/usr/bin/env bash
# The first four minutes on a GPU: checks that everything runs there with correct results. See common.sh for the settings.
#
# Usage: scripts/gpu/smoke.sh
# shellcheck source=scripts/gpu/common.sh
source "$(dirname "$0")/common.sh"

# Seconds for all steps together; tests/test_gpu_scripts.py adds them up.
TOTAL=230

kernels() {
    local quick=()
    [ -z "$QUICK" ] || quick=(--quick)
    "$PYTHON" scripts/gpu/one_of_each.py --device "$DEVICE" "${quick[@]}" | tee "$scratch/kernels"
    local code=$?
    while IFS= read -r line; do result "$line"; done <"$scratch/kernels"
    return $code
}

gpu_tests() {
    local plugin=(-n "$WORKERS")
    ! missing xdist || plugin=(-o "addopts=-q --strict-markers")
    "$PYTHON" -m pytest "${plugin[@]}" -v -m gpu -rs tests
    local code=$?
    # Without a GPU all tests are skipped, which is not a failure.
    return $code
}

export -f kernels gpu_tests

begin
step install 15 install
LINES_SHOWN=40 step machine 15 machine
step data 5 data
LINES_SHOWN=30 step kernels 45 kernels
LINES_SHOWN=30 step tests 90 gpu_tests
step mnist_bf16 60 train bf16
end
