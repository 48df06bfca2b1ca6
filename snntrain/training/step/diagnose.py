"""The first place in a network with a number that is infinite or NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from snntrain.data.batch import Batch
from snntrain.data.padding import padded
from snntrain.neuron import BaseNode, reset_net
from snntrain.neuron.integrate_and_fire import Trajectory
from snntrain.training.job.build import Job
from snntrain.training.loss import loss_of
from snntrain.training.step.buffers import Buffers

INPUT = "the input images"


def where_it_began(job: Job, batch: Batch) -> str | None:
    """Run a batch forward and backward again, and return the first place with a number that is not finite.

    The place is in words: "the input images", "the weights of conv1", "the output of conv2", "the membrane potential of
    fc1_neuron", "the loss", "the gradient of fc1 (weight)"; None if all numbers are finite. Weights, gradients, buffers
    and PyTorch's random state do not change.
    """
    finding = _Finding()
    device = job.world.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []), _unchanged(job.model):
        finding.look(INPUT, batch.x)
        with _watched(job.model, finding):
            with job.world.precision.autocast(), padded(batch.x, batch.lengths):
                spikes = job.model(batch.x)
                loss = loss_of(job.loss, spikes, batch, job.model.readout)
            finding.look("the loss", loss)
            if spikes.requires_grad:
                spikes.register_hook(finding.looker("the gradient of the loss"))
            if finding.place is None and loss.requires_grad:
                job.scaler.scale(loss).backward()
    return finding.place


class _Finding:
    """The first place with a number that is not finite."""

    def __init__(self) -> None:
        self.place: str | None = None

    def look(self, place: str, value: Any) -> None:
        if self.place is None and isinstance(value, Tensor) and not value.isfinite().all():
            self.place = place

    def looker(self, place: str) -> Callable[[Tensor], None]:
        return lambda value: self.look(place, value)


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Restore gradients and buffers after the block, and reset the neurons."""
    buffers, gradients = Buffers(model), [parameter.grad for parameter in model.parameters()]
    buffers.keep()
    for parameter in model.parameters():
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = gradient
        buffers.restore(torch.tensor(True, device=next(model.parameters()).device))
        reset_net(model)


@contextmanager
def _watched(model: nn.Module, finding: _Finding) -> Iterator[None]:
    """Check inputs, parameters and outputs of all layers in the order of the forward pass, then the gradients."""
    layers = {_shown(name): module for name, module in model.named_modules() if module is not model}
    observers = {module: module.observer for module in layers.values() if isinstance(module, BaseNode)}
    handles = [handle for name, module in layers.items() for handle in _hooked(name, module, finding)]
    for name, module in layers.items():
        if isinstance(module, BaseNode):
            module.observer = _potential_looker(name, finding)
    try:
        yield
    finally:
        for module, observer in observers.items():
            module.observer = observer
        for handle in handles:
            handle.remove()


def _shown(name: str) -> str:
    """Return the name of a layer as other messages show it."""
    return {"network": "the network", "encoder": "the encoder"}.get(name, name.removeprefix("network."))


def _hooked(name: str, module: nn.Module, finding: _Finding) -> Iterator[RemovableHandle]:
    innermost = isinstance(module, BaseNode) or not list(module.children())
    own = [(key, value) for key, value in module.named_parameters(recurse=False) if value.requires_grad]

    def before(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        for value in inputs:
            finding.look(f"the input of {name}", value)
            # The input of a container is also the input of its first layer, which has the better name.
            if innermost and isinstance(value, Tensor) and value.requires_grad:
                value.register_hook(finding.looker(f"the gradient of {name} (input)"))
        for key, value in module.named_parameters(recurse=False):
            finding.look(f"the {'weights' if key == 'weight' else key} of {name}", value)

    def after(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        finding.look(f"the output of {name}", output)

    yield module.register_forward_pre_hook(before)
    yield module.register_forward_hook(after)
    for key, value in own:
        yield value.register_hook(_norm_looker(f"the gradient of {name} ({key})", finding))


def _norm_looker(place: str, finding: _Finding) -> Callable[[Tensor], None]:
    """Check the norm, as training does: it may overflow although every element of the gradient is finite."""
    return lambda gradient: finding.look(place, torch.linalg.vector_norm(gradient))


def _potential_looker(name: str, finding: _Finding) -> Callable[[Trajectory], None]:
    return lambda trajectory: finding.look(f"the membrane potential of {name}", trajectory.h)
