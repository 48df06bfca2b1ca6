#!/usr/bin/env bash
# Everything that needs a GPU, in one call of less than nine minutes: tests, training on MNIST in both half precisions,
# and the benchmarks. Each step has a time limit and a log; one that fails does not stop the others.
#
# Usage: scripts/gpu_check.sh
#   OUT=folder      logs, runs and results (default gpu_check)
#   DEVICE=cpu      to try the script where there is no GPU; half precision is then bf16 alone
#   QUICK=1         small and few
#   wheels/         packages to install from where they are missing; nothing is fetched from elsewhere
#   data/           MNIST/raw/*-ubyte, or the same gzipped; else SNNTRAIN_DATA is used
#
# Exit status: 0 where all steps passed, 1 where one failed.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
DEVICE=${DEVICE:-cuda}
QUICK=${QUICK:-}
OUT=${OUT:-gpu_check}
PYTHON=${PYTHON:-python3}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
# The command line, also where the package is not installed.
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
snntrain() { "$PYTHON" -c 'from snntrain.cli.main import main; main()' "$@"; }
export -f snntrain
export PYTHON DEVICE OUT QUICK

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export scratch
# Seconds for all steps together.
TOTAL=525
summary=()
failed=0

# step NAME SECONDS FUNCTION [ARGUMENT...]: runs it with a limit, its output in a log, its end on the screen.
step() {
    local name=$1 limit=$2 started=$SECONDS code left=$((TOTAL - SECONDS))
    shift 2
    [ "$limit" -le "$left" ] || limit=$left
    if [ "$limit" -lt 5 ]; then
        failed=1
        summary+=("$(printf '%-22s %s' "$name" "SKIPPED (no time left)")")
        return
    fi
    printf '\n=== %s (at most %d s)\n' "$name" "$limit"
    timeout --kill-after=5 "$limit" bash -uo pipefail -c '"$@"' bash "$@" >"$OUT/$name.log" 2>&1
    code=$?
    tail -n "${LINES_SHOWN:-12}" "$OUT/$name.log"
    local result=passed
    [ "$code" -eq 0 ] || { result="FAILED ($code)"; failed=1; }
    [ "$code" -ne 124 ] && [ "$code" -ne 137 ] || result="FAILED (after its $limit s)"
    summary+=("$(printf '%-22s %-26s %4d s' "$name" "$result" $((SECONDS - started)))")
}

# ---- steps -----------------------------------------------------------------------------------------------------------

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
    # The peers want much that the benchmarks do not use, and might ask for another torch.
    for package in spikingjelly snntorch norse sinabs; do
        missing "$package" && ls wheels | grep -qi "^$package-" || continue
        PIP_BREAK_SYSTEM_PACKAGES=1 "$PYTHON" -m pip install --quiet --no-index --find-links wheels --no-deps "$package" || code=1
    done
    return $code
}

versions() {
    "$PYTHON" -c 'import json, torch; from benchmarks import machine
print(json.dumps(machine.describe(torch.device("'"$DEVICE"'")), indent=2))' || return 1
    [ "$DEVICE" = cpu ] || nvidia-smi
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

gpu_tests() {
    local plugin=()
    missing xdist || plugin=(-n0)
    # A marker where there is one; else every file that asks for a GPU: what needs none runs fast.
    if grep -q '"gpu:' pyproject.toml; then
        "$PYTHON" -m pytest "${plugin[@]}" tests -m gpu -rs
        return
    fi
    local found
    mapfile -t found < <(grep -rlE 'cuda\.is_available|cuda\.device_count' tests --include='test_*.py')
    "$PYTHON" -m pytest "${plugin[@]}" "${found[@]}" -rs
}

train() {
    local precision=$1 least=0.98 run="$OUT/mnist_$1" epochs=3 extra=()
    rm -rf "$run"
    [ -z "$QUICK" ] || { epochs=1; least=0.8; extra=(trainer.limit_batches=60); }
    snntrain neuron=plif dataset=mnist dataset.root="$scratch/data" trainer.device="$DEVICE" \
        trainer.precision="$precision" trainer.epochs=$epochs trainer.batch_size=128 hydra.run.dir="$run" \
        "${extra[@]}" || return 1
    "$PYTHON" - "$run/summary.json" "$precision" "$least" <<'CHECK'
import json, math, sys

path, precision, least = sys.argv[1:]
summary = json.load(open(path))
print(json.dumps(summary, indent=2))


def numbers(value, key=""):
    """Every number of the summary with its key."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from numbers(item, name)
    elif isinstance(value, float):
        yield key, value


assert summary["status"] == "completed", summary["error"]
assert summary["precision"] == precision, summary["precision"]
assert all(math.isfinite(number) for _, number in numbers(summary)), "a figure is not finite"
assert summary["test_accuracy"] >= float(least), f"test accuracy {summary['test_accuracy']} is below {least}"
CHECK
}

bench() {
    local module=$1
    shift
    local quick=()
    [ -z "$QUICK" ] || quick=(--quick)
    SNNTRAIN_DATA="$scratch/data" "$PYTHON" -m "benchmarks.$module" --device "$DEVICE" "$@" "${quick[@]}"
}

export -f missing install versions data gpu_tests train bench

# ---- all of them, what matters most first -----------------------------------------------------------------------------

step install 40 install
LINES_SHOWN=40 step versions 20 versions
step data 20 data
step tests 120 gpu_tests
step train_bf16 60 train bf16
[ "$DEVICE" = cpu ] || step train_fp16 60 train fp16
LINES_SHOWN=70 step bench_neuron 110 bench neuron --shape 256x16384 --repeats 15 --out "$OUT/neuron" \
    --lines neurons,surrogates,time,variants
LINES_SHOWN=30 step bench_train_step 90 bench train_step --repeats 7 --out "$OUT/train_step"
LINES_SHOWN=30 step bench_train_paper 90 bench train_step --network paper --repeats 5 --steps 20 --out "$OUT/train_paper"
LINES_SHOWN=30 step bench_neuron_bf16 60 bench neuron --shape 256x16384 --repeats 15 --dtype bfloat16 --lines neurons \
    --out "$OUT/neuron_bf16"
LINES_SHOWN=30 step bench_first_use 60 bench neuron --lines first_use --out "$OUT/first_use"

printf '\n=== summary: %s, %d s, logs in %s\n' "$DEVICE" "$SECONDS" "$OUT"
printf '%s\n' "${summary[@]}"
exit $failed
