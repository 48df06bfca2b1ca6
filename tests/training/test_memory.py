"""Memory that runs out: really on a CPU, in a separate process; the errors of a GPU also without a GPU."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from snntrain.config.schema import Config
from snntrain.errors import RunFailed, UserError
from snntrain.training.job import world
from snntrain.training.job.out_of_memory import (
    EVALUATION,
    EVALUATION_OF_A_FINISHED_RUN,
    TRAINING,
    Work,
    explained,
    inspection,
)
from snntrain.training.job.world import World
from tests.training.jobs import configured, prepared

# A batch takes more than half a gigabyte, and the process may take only that much more memory.
SCARCE = """
import resource
from snntrain.errors import RunFailed
from snntrain.training.evaluation.evaluate import evaluate
from snntrain.training.job.out_of_memory import EVALUATION, explained
from tests.training.jobs import prepared, stepping

job = prepared("network.hidden=[4096]", "trainer.batch_size=1024", "trainer.eval_batch_size=2048", "T=256")
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**29,) * 2)
step = stepping(job)
try:
    with explained(job.config, job.world):
        step(next(job.train.draws()), 0)
except RunFailed as failed:
    print(failed)
try:
    with explained(job.config, job.world, EVALUATION):
        evaluate(job.evaluated, job.loss, job.validation.epoch(), job.classes, job.world.precision)
except RunFailed as failed:
    print(failed)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the size of a process is read from /proc")
def test_a_step_and_an_evaluation_too_big_for_the_machine_report_what_to_lower() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", SCARCE], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "out of memory on the CPU in training with trainer.batch_size=1024, T=256, precision fp32: "
        "try trainer.batch_size=512 with trainer.accumulate=2, which keeps the size of a step, "
        "or trainer.precision=bf16 or trainer.checkpoint_layers=4, which computes activations again in the backward "
        "pass, or a lower T or a smaller network",
        "out of memory on the CPU in evaluation with trainer.eval_batch_size=2048, T=256, precision fp32: "
        "try trainer.eval_batch_size=1024 or trainer.precision=bf16 or a lower T or a smaller network",
    ]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB"),
        RuntimeError("CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA`"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cudaErrorMemoryAllocation: out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: not enough memory: you tried to"),
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=lambda error: f"{type(error).__name__} {str(error)[:30]}",
)
def test_every_way_to_say_that_memory_ran_out_is_known(error: Exception) -> None:
    with pytest.raises(RunFailed, match=r"^out of memory on ") as failed, explained(*computing()):
        raise error
    assert failed.value.__cause__ is error
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 shapes"), OSError(errno.ENOSPC, "full"), UserError("T=0"), RunFailed("NaN")]
)
def test_other_errors_pass_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, explained(*computing()):
        raise error
    assert raised.value is error


def computing(*overrides: str) -> tuple[Config, World]:
    """Return the settings of a run, and its world."""
    config = configured(*overrides)
    return config, world.decide(config.trainer)


def advice(*overrides: str, work: Work = TRAINING) -> str:
    with pytest.raises(RunFailed) as failed, explained(*computing(*overrides), work):
        raise MemoryError
    return str(failed.value)


def test_only_helpful_settings_are_proposed() -> None:
    lean = ("trainer.batch_size=1", "trainer.precision=bf16", "T=2", "trainer.accumulate=3")
    assert "precision bf16: try trainer.checkpoint_layers=4, which computes" in advice(*lean)
    leanest = advice(*lean, "trainer.checkpoint_layers=4")
    assert leanest.endswith("with trainer.batch_size=1, T=2, precision bf16: try a lower T or a smaller network")
    assert "trainer.batch_size=8 with trainer.accumulate=6, which" in advice("trainer.accumulate=3")
    assert "resident" not in advice()
    assert "dataset.resident=never" in advice("dataset.resident=always")
    assert "dataset.workers=0" in advice("dataset.workers=2", "dataset.resident=never")
    least = ("trainer.batch_size=1", "trainer.precision=bf16", "T=1", "trainer.checkpoint_layers=4")
    assert advice(*least).endswith(": try a smaller network")
    assert "checkpoint_layers" not in advice("trainer.compile=true")
    evaluating = advice("trainer.eval_batch_size=100", work=EVALUATION)
    assert "with trainer.eval_batch_size=100," in evaluating
    assert "try trainer.eval_batch_size=50 or" in evaluating
    assert "trainer.batch_size" not in evaluating


def test_a_finished_run_keeps_its_network() -> None:
    least = ("trainer.eval_batch_size=1", "trainer.precision=bf16", "T=1")
    assert advice(*least, work=EVALUATION_OF_A_FINISHED_RUN).endswith("precision bf16: try a machine with more memory")
    assert advice("T=2", work=inspection(12)) == (
        "out of memory on the CPU in the inspection of 12 images with T=2, precision fp32: try fewer images with "
        "sample=<index>,… or monitor.samples=<number> or trainer.precision=bf16 or a lower T "
        "or a machine with more memory"
    )


@pytest.mark.gpu
def test_a_gpu_without_memory_is_named_with_what_to_lower() -> None:
    job = prepared("trainer.device=cuda")
    free, _ = torch.cuda.mem_get_info()
    with pytest.raises(RunFailed) as failed, explained(job.config, job.world):
        torch.empty(2 * free, dtype=torch.uint8, device="cuda")
    assert str(failed.value).startswith(f"out of memory on cuda ({torch.cuda.get_device_name()}) in training with ")
    assert "dataset.resident=never" in str(failed.value)
