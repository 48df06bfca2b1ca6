# Shared functions, sourced by scripts/gpu/smoke.sh and full.sh. Each step has a time limit and a log. Its result is
# appended to $OUT/results.txt at once, and a step that fails does not stop the others.
#
#   OUT=folder      logs, runs and results
#   DEVICE=cpu      to try a script without a GPU; half precision is then only bf16
#   QUICK=1         few and small cases
#   PATIENCE=4      multiplies every limit, for a slow machine
#   WORKERS=12      processes of pytest; as many as there are cores, at most 12
#   wheels/         packages to install missing ones from; nothing is downloaded
#   data/           MNIST/raw/*-ubyte, or the same gzipped; else SNNTRAIN_DATA is used
#
# Exit status of a script: 0 if all steps passed, 1 if one failed.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
name_of_script=$(basename "$0" .sh)
DEVICE=${DEVICE:-cuda}
QUICK=${QUICK:-}
PATIENCE=${PATIENCE:-1}
OUT=${OUT:-gpu_$name_of_script}
PYTHON=${PYTHON:-python3}
cores=$(nproc)
WORKERS=${WORKERS:-$((cores < 12 ? cores : 12))}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
RESULTS=$OUT/results.txt
# The command line, also if the package is not installed; output is written without a buffer.
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
snntrain() { "$PYTHON" -m snntrain "$@"; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export DEVICE QUICK PATIENCE OUT PYTHON WORKERS RESULTS scratch
export -f snntrain
failed=0

# begin: the first line of the results.
begin() {
    printf '%s on %s, %s\n' "$name_of_script" "$DEVICE" "$(date '+%Y-%m-%d %H:%M:%S')" | tee "$RESULTS"
}

# step NAME SECONDS FUNCTION [ARGUMENT...]: runs it with a limit; its output goes to a log, its result to the results.
step() {
    local name=$1 limit=$(($2 * PATIENCE)) started=$SECONDS code result=passed
    shift 2
    printf '\n=== %s (at most %d s)\n' "$name" "$limit"
    timeout --kill-after=5 "$limit" bash -uo pipefail -c '"$@"' bash "$@" >"$OUT/$name.log" 2>&1
    code=$?
    tail -n "${LINES_SHOWN:-12}" "$OUT/$name.log"
    case $code in
        0) ;;
        124 | 137) result="FAILED (after its $limit s)" ;;
        *) result="FAILED ($code)" ;;
    esac
    [ "$code" -eq 0 ] || failed=1
    printf '%-16s %-26s %4d s of %d\n' "$name" "$result" $((SECONDS - started)) "$limit" | tee -a "$RESULTS"
}

# end: prints the results again, and sets the exit status.
end() {
    printf '%d s in all, logs in %s\n' "$SECONDS" "$OUT" >>"$RESULTS"
    printf '\n=== results\n'
    cat "$RESULTS"
    exit "$failed"
}

# result LINE: adds a figure to the results.
result() { printf '    %s\n' "$*" | tee -a "$RESULTS"; }

# ---- steps of both scripts -------------------------------------------------------------------------------------------

missing() { ! "$PYTHON" -c "import importlib.util as u, sys; sys.exit(u.find_spec('$1') is None)" 2>/dev/null; }

install() {
    [ -d wheels ] || { echo "no wheels/: using what is installed"; return 0; }
    local module package needed=() code=0
    for module in hydra:hydra-core omegaconf:omegaconf antlr4:antlr4-python3-runtime yaml:pyyaml tqdm:tqdm \
        matplotlib:matplotlib numba:numba tensorboard:tensorboard pytest:pytest xdist:pytest-xdist \
        hypothesis:hypothesis scipy:scipy; do
        if missing "${module%%:*}"; then needed+=("${module#*:}"); fi
    done
    for package in "${needed[@]}"; do
        ls wheels | grep -qi "^${package//-/[-_]}-" || { echo "$package: missing, and no wheel of it"; continue; }
        PIP_BREAK_SYSTEM_PACKAGES=1 "$PYTHON" -m pip install --quiet --no-index --find-links wheels "$package" || code=1
    done
    # The peers depend on much that the benchmarks do not use, and might require another torch.
    for package in spikingjelly snntorch norse sinabs; do
        missing "$package" && ls wheels | grep -qi "^$package-" || continue
        PIP_BREAK_SYSTEM_PACKAGES=1 "$PYTHON" -m pip install --quiet --no-index --find-links wheels --no-deps "$package" || code=1
    done
    return $code
}

# Versions, and the tools with which Triton compiles its launchers: a C compiler and Python.h.
machine() {
    local code=0
    "$PYTHON" -c 'import json, torch; from benchmarks import machine
print(json.dumps(machine.describe(torch.device("'"$DEVICE"'")), indent=2))' || code=1
    [ "$DEVICE" = cpu ] || nvidia-smi || code=1
    local compiler
    compiler=$(command -v "${CC:-cc}" || command -v gcc || command -v clang) || { compiler=none; code=1; }
    result "C compiler: $compiler"
    "$PYTHON" -c 'import os, sys, sysconfig
header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
print(header if os.path.exists(header) else f"none at {header}")
sys.exit(not os.path.exists(header))' >"$scratch/header" || code=1
    result "Python.h: $(cat "$scratch/header")"
    return $code
}

data() {
    local from=data/MNIST/raw to="$scratch/data/MNIST/raw" file
    [ -d "$from" ] || from="${SNNTRAIN_DATA:-/nowhere}/MNIST/raw"
    [ -d "$from" ] || { echo "no MNIST: neither data/MNIST/raw nor SNNTRAIN_DATA"; return 1; }
    mkdir -p "$to"
    for file in train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte; do
        if [ -f "$from/$file" ]; then cp "$from/$file" "$to/"; else gunzip -c "$from/$file.gz" >"$to/$file"; fi || return 1
    done
    ls -l "$to"
}

# train PRECISION: trains on MNIST for three epochs; checks the figures, and that the steps were recorded.
train() {
    local precision=$1 least=0.98 run="$OUT/mnist_$1" epochs=3 extra=()
    rm -rf "$run"
    [ -z "$QUICK" ] || { epochs=1; least=0.05; extra=(trainer.limit_batches=20 network=mlp 'network.hidden=[32]'); }
    snntrain neuron=plif dataset=mnist dataset.root="$scratch/data" trainer.device="$DEVICE" \
        trainer.precision="$precision" trainer.epochs=$epochs trainer.batch_size=128 hydra.run.dir="$run" \
        "${extra[@]}" || return 1
    "$PYTHON" scripts/gpu/run_figures.py "$run" --precision "$precision" --least "$least" >"$scratch/figures" || return 1
    result "$(cat "$scratch/figures")"
    recorded "$run"
}

# recorded RUN: fails if its log reports launched steps or a failed recording.
recorded() {
    if grep -iE 'steps are launched|recording .*failed' "$1/train.log"; then
        result "not recorded: $(grep -ciE 'steps are launched|recording .*failed' "$1/train.log") warnings in $1/train.log"
        return 1
    fi
}

# bench MODULE ARGUMENT...: runs a benchmark on the device.
bench() {
    local module=$1
    shift
    local quick=()
    [ -z "$QUICK" ] || quick=(--quick)
    SNNTRAIN_DATA="$scratch/data" "$PYTHON" -m "benchmarks.$module" --device "$DEVICE" "$@" "${quick[@]}"
}

export -f result missing install machine data train recorded bench
