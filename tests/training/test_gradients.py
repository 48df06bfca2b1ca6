"""Gradient norms, compared with the updates of the weights."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from snntrain.training.job.build import Job
from snntrain.training.step.gradients import GradientNorms

from .jobs import one_epoch, prepared, stepping, weights

LR = 1e-2
SGD = ("optimizer=sgd", f"optimizer.lr={LR}", "optimizer.momentum=0", "optimizer.nesterov=false", "scheduler=none")
WATCHED = ("monitor=default", "trainer.limit_batches=1", "neuron=plif")
LAYERS = ("fc1", "fc1_neuron", "out", "out_neuron")


def norms(job: Job) -> dict[str, float]:
    """Return the gradient norms of one epoch."""
    step = stepping(job)
    one_epoch(job, step, 1)
    return step.gradient_norms()


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> dict[str, float]:
    """Return the length of each layer's update."""
    squares = dict.fromkeys(LAYERS, 0.0)
    for name, value in after.items():
        layer = name.removeprefix("network.").rpartition(".")[0]
        squares[layer] += (value.double() - before[name].double()).square().sum().item()
    return {layer: math.sqrt(square) for layer, square in squares.items()}


def test_a_norm_is_the_mean_over_the_steps_of_an_epoch() -> None:
    job = prepared(*SGD, *WATCHED, "trainer.limit_batches=3", "optimizer.lr=10")
    course = [weights(job.model)]
    job.optimizer.register_step_post_hook(lambda *given: course.append(weights(job.model)))
    found = norms(job)
    steps = [moved(*pair) for pair in pairwise(course)]
    assert len(steps) == 3
    assert found.keys() == set(LAYERS)
    for layer in LAYERS:
        assert found[layer] == pytest.approx(sum(step[layer] for step in steps) / 3 / 10, rel=1e-3)


def test_each_epoch_starts_from_zero() -> None:
    job = prepared(*SGD, *WATCHED, "trainer.epochs=2")
    step = stepping(job)
    one_epoch(job, step, 1)
    first = step.gradient_norms()
    assert step.gradient_norms() == {}
    one_epoch(job, step, 2)
    assert step.gradient_norms() != first


def test_a_norm_is_the_one_before_clipping() -> None:
    free, clipped = (norms(prepared(*SGD, *WATCHED, f"trainer.clip_grad_norm={norm}")) for norm in ("null", "1e-6"))
    assert clipped == free
    assert free["out"] > 1e-4


@pytest.mark.parametrize("clip", ["null", "1e-6"])
def test_a_norm_is_that_of_the_loss_before_scaling(clip: str) -> None:
    scaled = prepared(*SGD, *WATCHED, f"trainer.clip_grad_norm={clip}")
    scaled.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    assert norms(scaled) == pytest.approx(norms(prepared(*SGD, *WATCHED)), rel=1e-5)


def test_a_step_of_several_batches_has_one_norm() -> None:
    parts = norms(prepared(*SGD, *WATCHED, "trainer.batch_size=8", "trainer.accumulate=4", "trainer.limit_batches=4"))
    whole = norms(prepared(*SGD, *WATCHED, "trainer.batch_size=32"))
    assert parts == pytest.approx(whole, rel=1e-5)


def test_a_step_that_overflows_is_left_out() -> None:
    net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Linear(1, 1, bias=False))
    found = GradientNorms(net, torch.device("cpu"))
    for gradient in ([3.0, 4.0], [math.inf, 0.0], [0.0, 1.0]):
        net[0].weight.grad = torch.tensor([gradient])
        found.add()
    assert found.take() == {"0": 3.0, "1": 0.0}
    net[0].weight.grad = torch.full((1, 2), math.nan)
    found.add()
    assert found.take() == {}


def test_frozen_parameters_and_parameters_outside_layers_are_distinguished() -> None:
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    net[0].bias.requires_grad_(False)
    net.register_parameter("own", nn.Parameter(torch.ones(2)))
    assert GradientNorms(net, torch.device("cpu")).layers == ["network", "0"]
    assert len(GradientNorms(net, torch.device("cpu")).parameters) == 2


def test_without_a_monitor_nothing_is_reported() -> None:
    job = prepared("monitor=off")
    step = stepping(job)
    one_epoch(job, step, 1)
    assert step.gradient_norms() == {}
