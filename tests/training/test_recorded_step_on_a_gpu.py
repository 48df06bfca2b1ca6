"""Recorded training steps give the results of launched ones, with CUDA graphs on a GPU."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import torch
from torch import Tensor

from snntrain.training.step import recorded_step
from snntrain.training.step.recorded_step import WARM_UP, RecordedStep

from .jobs import prepared, same, stepping
from .recorded import NOISY, SMALL, TWELVE, epochs, outcome, outcome_with_bad_steps, warnings
from .spoilt import ReadyMade
from .stand_in import device_decides

__all__ = ["device_decides"]

decided_by_device = pytest.mark.usefixtures("device_decides")


ON_A_GPU = ("trainer.device=cuda", "trainer.deterministic=true", *SMALL[:-2], "network.channels=[16]")


@pytest.mark.gpu
@pytest.mark.parametrize(
    "overrides",
    [
        ("neuron=lif", "trainer.precision=fp32", "optimizer=adam"),
        ("neuron=plif", "trainer.precision=bf16", "optimizer=adam", "trainer.clip_grad_norm=1", *NOISY),
        ("neuron=plif", "trainer.precision=fp16", "optimizer=adamw", "trainer.accumulate=2", *NOISY),
        ("neuron=rif", "trainer.precision=fp16", "optimizer=sgd", "dataset.resident=never", "dataset.workers=0"),
    ],
    ids=str,
)
def test_recorded_steps_train_on_a_gpu_as_launched_ones_do_to_the_bit(
    overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ends = []
    for warm_up in (WARM_UP, 10**9):
        monkeypatch.setattr(recorded_step, "WARM_UP", warm_up)
        job = prepared(*ON_A_GPU, *overrides)
        torch.manual_seed(1)
        step = stepping(job)
        assert isinstance(step.step, RecordedStep)
        losses = epochs(job, step)
        assert step.step.proven is (warm_up == WARM_UP)
        ends.append((losses, outcome(job, step), step.gradient_norms()))
    assert same(*ends)
    assert warnings(caplog) == []


@pytest.mark.gpu
@pytest.mark.parametrize("optimizer", ["optimizer=adam", "optimizer=sgd"])
@pytest.mark.parametrize("bad", [{0, 1, 2, 3, 9, 10}, {1, 8}], ids=str)
def test_recorded_steps_leave_out_bad_ones_on_a_gpu(
    optimizer: str, bad: Collection[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = []
    for warm_up in (WARM_UP, 10**9):
        monkeypatch.setattr(recorded_step, "WARM_UP", warm_up)
        job = prepared(*ON_A_GPU, TWELVE, optimizer, "trainer.max_bad_steps=1", "trainer.ema=0.7")
        job.train = ReadyMade(job.train)
        ends.append(outcome_with_bad_steps(job, stepping(job), bad))
    assert same(*ends)


@pytest.mark.gpu
def test_what_cannot_be_recorded_on_a_gpu_is_launched_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Reading(torch.nn.Module):
        def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
            loss = torch.nn.functional.mse_loss(spikes.mean(0), torch.nn.functional.one_hot(labels, 10).float())
            return loss * float(loss.detach() > -1)

    ends = []
    for warm_up in (WARM_UP, 10**9):
        monkeypatch.setattr(recorded_step, "WARM_UP", warm_up)
        job = prepared(*ON_A_GPU, *NOISY, "trainer.precision=fp16")
        job.loss = Reading()
        torch.manual_seed(1)
        step = stepping(job)
        ends.append((epochs(job, step), outcome(job, step)))
    assert same(*ends)
    (message,) = warnings(caplog)
    assert "recording one failed" in message


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one GPU")
def test_a_gpu_that_is_not_the_first_records_its_own_work() -> None:
    job = prepared(*ON_A_GPU, "trainer.device=cuda:1")
    step = stepping(job)
    epochs(job, step)
    assert isinstance(step.step, RecordedStep)
    assert step.step.proven
