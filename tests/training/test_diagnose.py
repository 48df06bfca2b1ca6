"""Numbers that are not finite, put into one place of a network, which is then named."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from snntrain.training.job.build import Job
from snntrain.training.step.diagnose import where_it_began

from .jobs import OURS, prepared, stepping

NETWORK = ("network=csnn", "network.channels=[4,4]", "network.hidden=[8]", "network.dropout=0.2", "neuron=plif")


class Root(nn.Module):
    """A square root at zero, with the gradient NaN."""

    def forward(self, x: Tensor) -> Tensor:
        return (x * 0).sqrt()


def nan(*given: Tensor) -> Tensor:
    return given[-1] * torch.nan


def job_with(layer: str = "", **values: float) -> Job:
    """Return a job with one number of each named parameter or buffer of `layer` set to a value."""
    job = prepared(*NETWORK)
    with torch.no_grad():
        for name, value in values.items():
            getattr(job.model.get_submodule(layer), name).view(-1)[0] = value
    return job


def named(job: Job, spoil: Callable[[Tensor], Tensor] = lambda images: images) -> str | None:
    batch = next(job.train.epoch(1))
    job.model.train()
    return where_it_began(job, replace(batch, x=spoil(batch.x)))


def test_no_place_is_named_if_all_numbers_are_finite() -> None:
    assert named(job_with()) is None


def test_images() -> None:
    assert named(job_with(), nan) == "the input images"


@pytest.mark.parametrize(
    ("layer", "parameter", "place"),
    [
        ("conv1", "weight", "the weights of conv1"),
        ("conv2_norm", "bias", "the bias of conv2_norm"),
        ("conv2_neuron", "w", "the w of conv2_neuron"),
    ],
)
@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_weights(layer: str, parameter: str, place: str, value: float) -> None:
    assert named(job_with(f"network.{layer}", **{parameter: value})) == place


def test_an_overflow_is_named_where_it_happens() -> None:
    assert named(job_with("encoder", std=1e-45)) == "the output of the encoder"
    job = job_with()
    with torch.no_grad():
        job.model.network.conv1.weight.fill_(3e38)
    assert named(job) == "the output of conv1"


def test_activations() -> None:
    job = job_with()
    job.model.network.conv2.register_forward_hook(nan)
    assert named(job) == "the output of conv2"
    # Operations between one layer and the next.
    job = job_with()
    job.model.network.fc1.register_forward_pre_hook(lambda layer, inputs: nan(*inputs))
    assert named(job) == "the input of fc1"


def test_potentials_of_a_neuron_that_is_silent() -> None:
    job = job_with()
    neuron = job.model.network.fc1_neuron
    neuron.dynamics = lambda: (1.0, 1.0, math.nan)
    seen: list[Tensor] = []
    neuron.register_forward_hook(lambda layer, inputs, spikes: seen.append(spikes))
    assert named(job) == "the membrane potential of fc1_neuron"
    assert not seen[0].any()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_loss(precision: str) -> None:
    job = prepared(*NETWORK, f"trainer.precision={precision}", "loss._target_=tests.training.jobs.Infinite", OURS)
    assert named(job) == "the loss"


def test_the_gradient_of_the_loss() -> None:
    job = job_with()
    job.loss = nn.Sequential(Root())
    job.loss.forward = lambda spikes, labels: Root()(spikes).sum()
    assert named(job) == "the gradient of the loss"


def test_gradients() -> None:
    job = job_with()
    job.model.network.fc1_dropout = Root()
    assert named(job) == "the gradient of fc1_dropout (input)"
    job = job_with()
    job.model.network.fc1.weight.register_hook(nan)
    assert named(job) == "the gradient of fc1 (weight)"


def test_a_gradient_with_a_norm_beyond_float32() -> None:
    job = job_with()
    job.model.network.fc1.weight.register_hook(lambda gradient: torch.full_like(gradient, 1e38))
    assert named(job) == "the gradient of fc1 (weight)"
    step = stepping(job)
    step(next(job.train.draws(1)), 0)
    assert step.skipped() == 1


def test_a_gradient_that_overflows_when_it_is_scaled() -> None:
    job = job_with()
    job.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    job.loss.register_forward_hook(lambda loss, inputs, value: value * 64)
    assert named(job) == "the gradient of the loss"


def test_the_first_of_two_places_is_named() -> None:
    job = job_with()
    job.model.network.conv2.register_forward_hook(nan)
    job.model.network.conv1_pool.register_forward_hook(nan)
    job.model.network.out.weight.register_hook(nan)
    assert named(job) == "the output of conv1_pool"
    # Gradients flow backwards.
    job = job_with()
    for layer in ("conv1", "fc1", "conv2"):
        job.model.network.get_submodule(layer).weight.register_hook(nan)
    assert named(job) == "the gradient of fc1 (weight)"


def test_the_diagnosis_changes_nothing() -> None:
    job = job_with()
    job.model.network.fc1_dropout = Root()
    neurons = [module for module in job.model.modules() if hasattr(module, "observer")]

    def watch(trajectory: object) -> None:
        """Observe the neurons, as other code may do."""

    neurons[0].observer = watch
    for parameter in job.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = {name: value.clone() for name, value in job.model.state_dict().items()}
    random = torch.get_rng_state()
    assert named(job) is not None
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in job.model.state_dict().items())
    assert all(torch.equal(p.grad, torch.ones_like(p)) for p in job.model.parameters())
    assert [neuron.observer for neuron in neurons] == [watch] + [None] * (len(neurons) - 1)
    assert all(neuron.v == 0.0 for neuron in neurons)
    hooks = ("_forward_hooks", "_forward_pre_hooks")
    assert not any(getattr(module, kind) for module in job.model.modules() for kind in hooks)
    assert not any(p._backward_hooks for p in job.model.parameters())
