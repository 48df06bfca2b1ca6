#!/usr/bin/env bash
# Nine minutes on a GPU, after smoke.sh: the speed of the kernels, the step and the paper's network, and of the peers.
# See common.sh for the settings.
#
# Usage: scripts/gpu/full.sh
# shellcheck source=scripts/gpu/common.sh
source "$(dirname "$0")/common.sh"

# Seconds for all steps together; tests/test_gpu_scripts.py adds them up.
TOTAL=540
# Seconds of training the paper's network; its step also needs time to start and to save.
PAPER=80
export PAPER

# A deterministic run that is terminated and resumed ends with the same weights as an undisturbed one.
resume() {
    local job=(neuron=plif dataset=mnist dataset.root="$scratch/data" trainer.device="$DEVICE" trainer.epochs=3
        trainer.batch_size=128 trainer.deterministic=true trainer.precision=bf16 monitor=off)
    local batches=200 whole="$OUT/whole" hurt="$OUT/hurt" code
    [ -z "$QUICK" ] || { batches=5; job+=(network=mlp 'network.hidden=[32]'); }
    rm -rf "$whole" "$hurt"
    snntrain "${job[@]}" trainer.limit_batches=$batches hydra.run.dir="$whole" || return 1
    # Not the shell function, because a signal must reach the program and not a shell around it.
    "$PYTHON" -m snntrain "${job[@]}" trainer.limit_batches=$batches hydra.run.dir="$hurt" &
    local process=$!
    while kill -0 $process 2>/dev/null && [ ! -s "$hurt/metrics.jsonl" ]; do sleep 0.05; done
    kill -TERM $process 2>/dev/null
    wait $process
    code=$?
    result "terminated after its first epoch: status $code"
    snntrain "${job[@]}" trainer.limit_batches=$batches hydra.run.dir="$hurt" || return 1
    "$PYTHON" scripts/gpu/same_weights.py "$whole" "$hurt" >"$scratch/same"
    code=$?
    result "$(cat "$scratch/same")"
    return $code
}

# The training of the paper, with one descent of the learning rate in 100 epochs, as many as fit into the time.
paper() {
    local run="$OUT/plif_mnist" epochs=100 extra=() code
    [ -z "$QUICK" ] || { epochs=1; extra=(trainer.limit_batches=2 'network.channels=[8,8]' 'network.hidden=[32]'); }
    rm -rf "$run"
    timeout --signal=TERM --preserve-status "$((PAPER * PATIENCE))" "$PYTHON" -m snntrain experiment=plif_mnist \
        dataset.root="$scratch/data" trainer.device="$DEVICE" trainer.batch_size=128 optimizer.lr=2e-3 \
        scheduler.half_period=$epochs scheduler.warmup=0.03 trainer.ema=0.999 trainer.epochs=$epochs \
        hydra.run.dir="$run" "${extra[@]}"
    code=$?
    # It was terminated at the end of the time, and saved.
    [ "$code" -eq 0 ] || [ "$code" -eq 143 ] || return "$code"
    "$PYTHON" scripts/gpu/run_figures.py "$run" --unfinished >"$scratch/figures" || return 1
    result "$(cat "$scratch/figures")"
    recorded "$run"
}

peers_neuron() { bench neuron --shape 256x16384 --repeats 5 --lines neurons --neurons lif,plif --out "$OUT/neuron"; }
peers_step() { bench train_step --repeats 3 --peers spikingjelly --out "$OUT/train_step"; }

export -f resume paper peers_neuron peers_step

begin
step install 15 install
LINES_SHOWN=40 step machine 10 machine
step data 5 data
LINES_SHOWN=70 step kernels 105 bench gpu_kernels --seconds 80 --out "$OUT/gpu_kernels"
LINES_SHOWN=30 step steps 80 bench gpu_steps --seconds 55 --out "$OUT/gpu_steps"
[ "$DEVICE" = cpu ] || step mnist_fp16 40 train fp16
step resume 60 resume
step plif_mnist 105 paper
LINES_SHOWN=40 step peers_neuron 50 peers_neuron
LINES_SHOWN=30 step peers_step 70 peers_step
end
