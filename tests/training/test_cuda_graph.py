"""Recorded training steps are the steps themselves; most of it can be seen on a GPU alone."""

from __future__ import annotations

import pytest
import torch

from snntrain.training.cuda_graph import WARM_UP, GraphedStep, can_be_recorded
from snntrain.training.step import TrainingStep

from .jobs import one_epoch, prepared, weights

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

CONVOLUTIONAL = (
    *("trainer.device=cuda", "trainer.limit_batches=null", "trainer.epochs=2", "trainer.batch_size=64"),
    *("network=csnn", "network.channels=[16]", "network.dropout=0.2"),
)


@pytest.mark.parametrize(
    ("overrides", "recordable"),
    [
        ((), True),
        (("optimizer=adamw", "scheduler=none"), True),
        (("optimizer=sgd",), True),
        (("scheduler=onecycle",), False),
    ],
    ids=str,
)
def test_what_is_scheduled_beside_the_learning_rate_cannot_be_recorded(
    overrides: tuple[str, ...], recordable: bool
) -> None:
    job = prepared(*overrides)
    assert can_be_recorded(job.optimizer, job.scheduler) is recordable


def test_on_a_cpu_nothing_is_recorded() -> None:
    assert not isinstance(TrainingStep(prepared()).whole, GraphedStep)


@on_a_gpu
@pytest.mark.parametrize("accumulate_or_compile", ["trainer.accumulate=2", "trainer.compile=true"])
def test_a_step_of_several_batches_or_of_a_compiled_network_is_not_recorded(accumulate_or_compile: str) -> None:
    assert not isinstance(TrainingStep(prepared("trainer.device=cuda", accumulate_or_compile)).whole, GraphedStep)


@on_a_gpu
@pytest.mark.parametrize(
    ("neuron", "precision", "optimizer", "clip"),
    [
        ("lif", "fp32", "adam", "null"),
        ("plif", "bf16", "adam", "1.0"),
        ("plif", "fp16", "adamw", "1.0"),
        ("rif", "fp16", "sgd", "null"),
    ],
)
def test_recorded_steps_train_as_launched_ones_do(neuron: str, precision: str, optimizer: str, clip: str) -> None:
    overrides = (f"neuron={neuron}", f"trainer.precision={precision}", f"optimizer={optimizer}")
    losses, ends = [], []
    for recorded in (True, False):
        job = prepared(*CONVOLUTIONAL, *overrides, f"trainer.clip_grad_norm={clip}", "trainer.ema=0.9")
        step = TrainingStep(job)
        assert isinstance(step.whole, GraphedStep)
        step.whole.failed = not recorded
        losses.append([one_epoch(job, step, number).loss for number in (1, 2)])
        assert (step.whole.graph is not None) is recorded
        assert step.whole.calls == 2 * len(job.train) > WARM_UP
        ends.append(weights(job.evaluated))
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    for name, value in ends[0].items():
        torch.testing.assert_close(value, ends[1][name], rtol=1e-2, atol=1e-3)


@on_a_gpu
def test_the_learning_rate_of_a_recorded_step_follows_its_schedule() -> None:
    job = prepared(*CONVOLUTIONAL, "scheduler=cosine", "scheduler.warmup=0", "scheduler.final=0")
    step = TrainingStep(job)
    for number in (1, 2):
        one_epoch(job, step, number)
    assert float(job.optimizer.param_groups[0]["lr"]) == pytest.approx(0, abs=1e-9)


@on_a_gpu
def test_what_cannot_be_recorded_is_launched_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    weight = torch.ones(1, device="cuda", requires_grad=True)

    def reads_from_the_gpu(images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return images * images.sum().item(), labels

    step = GraphedStep(reads_from_the_gpu, torch.optim.SGD([weight]), torch.device("cuda"))
    given = torch.ones(2, device="cuda"), torch.ones(2, device="cuda")
    results = [step(*given)[0].tolist() for _ in range(WARM_UP + 2)]
    assert results == [[2.0, 2.0]] * (WARM_UP + 2)
    assert "recording one failed" in caplog.text
