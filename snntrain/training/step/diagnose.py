"""Where in a network a number first is not finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from snntrain.neuron import BaseNode, reset_net
from snntrain.neuron.integrate_and_fire import Trajectory
from snntrain.training.job.build import Job
from snntrain.training.step.bad_steps import Buffers

INPUT = "the input images"


def where_it_began(job: Job, images: Tensor, labels: Tensor) -> str | None:
    """Runs a batch forward and backward once more, and says where the first number is that is not finite.

    In words: "the input images", "the weights of conv1", "the output of conv2", "the membrane potential of fc1_neuron",
    "the loss", "the gradient of fc1 (weight)"; None where all are finite. Weights, gradients, buffers and PyTorch's
    random state are left as they were.
    """
    finding = _Finding()
    device = job.world.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []), _unchanged(job.model):
        finding.look(INPUT, images)
        with _watched(job.model, finding):
            with job.world.precision.autocast():
                spikes = job.model(images)
                loss: Tensor = job.loss(spikes, labels)
            finding.look("the loss", loss)
            if spikes.requires_grad:
                spikes.register_hook(finding.looker("the gradient of the loss"))
            if finding.place is None and loss.requires_grad:
                job.scaler.scale(loss).backward()
    return finding.place


class _Finding:
    """The first place that held a number that is not finite."""

    def __init__(self) -> None:
        self.place: str | None = None

    def look(self, place: str, value: Any) -> None:
        if self.place is None and isinstance(value, Tensor) and not value.isfinite().all():
            self.place = place

    def looker(self, place: str) -> Callable[[Tensor], None]:
        return lambda value: self.look(place, value)


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Puts gradients and buffers back as they were, and the neurons at rest."""
    buffers, gradients = Buffers(model), [parameter.grad for parameter in model.parameters()]
    buffers.keep()
    for parameter in model.parameters():
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = gradient
        buffers.put_back(torch.tensor(True, device=next(model.parameters()).device))
        reset_net(model)


@contextmanager
def _watched(model: nn.Module, finding: _Finding) -> Iterator[None]:
    """Looks at all that the layers are given, hold and return, in the order in which it comes to be, and back again."""
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
    """A layer as the run's other words name it."""
    return {"network": "the network", "encoder": "the encoder"}.get(name, name.removeprefix("network."))


def _hooked(name: str, module: nn.Module, finding: _Finding) -> Iterator[RemovableHandle]:
    innermost = isinstance(module, BaseNode) or not list(module.children())
    own = [(key, value) for key, value in module.named_parameters(recurse=False) if value.requires_grad]

    def before(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        for value in inputs:
            finding.look(f"the input of {name}", value)
            # Of a container it is its first layer's, too, and that is the better name.
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
    """Training, too, asks for the norm of a parameter's gradient, which may be too great where no number in it is."""
    return lambda gradient: finding.look(place, torch.linalg.vector_norm(gradient))


def _potential_looker(name: str, finding: _Finding) -> Callable[[Trajectory], None]:
    return lambda trajectory: finding.look(f"the membrane potential of {name}", trajectory.h)
