"""Constants of neurons that are learnt: one for a whole layer, or one per neuron."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

# Typed like nn.Parameter, whose arguments it does not take.
Blank: Any = UninitializedParameter

# Under this name a module keeps the values with which its constants per neuron start.
STARTS = "_starts"


def learnable(node: nn.Module, name: str, value: float, per_neuron: bool = False) -> nn.Parameter:
    """Make a learnt constant an attribute of a neuron, and return it.

    Args:
        node: the neuron.
        name: name of the attribute.
        value: the value at the start.
        per_neuron: False for a parameter of shape `[1]`, one constant for the layer. True for one constant per neuron:
            the parameter has no shape until the first input, a `state_dict` or `materialise` gives it the shape `[*]`
            of the neurons of one sample. An optimizer must be built after that.
    """
    parameter: nn.Parameter
    if per_neuron:
        parameter = Blank(dtype=torch.get_default_dtype())
        node.__dict__.setdefault(STARTS, {})[name] = value
    else:
        parameter = nn.Parameter(torch.tensor([value]))
    setattr(node, name, parameter)
    return parameter


def has_shape(values: Any) -> bool:
    """Return whether a tensor has its shape: a constant per neuron has none before the first input."""
    return not isinstance(values, UninitializedParameter)


def awaits_shape(module: nn.Module) -> bool:
    """Return whether a layer, without its parts, has constants per neuron that do not have their shape yet."""
    return any(True for _ in _without_shape(module))


def materialise(node: nn.Module, shape: Sequence[int]) -> None:
    """Give the constants per neuron of a layer their shape and the values with which they start.

    Args:
        node: the layer; constants that already have a shape stay as they are.
        shape: the shape of the neurons of one sample.
    """
    for name, parameter in list(_without_shape(node)):
        parameter.materialize(tuple(shape))
        with torch.no_grad():
            parameter.fill_(getattr(node, STARTS)[name])


def take_shapes(node: nn.Module, state: dict[str, Any], prefix: str) -> None:
    """Give the constants per neuron of a layer the shapes of the tensors in a `state_dict` that it is about to load."""
    for name, parameter in list(_without_shape(node)):
        if isinstance(saved := state.get(prefix + name), Tensor) and has_shape(saved):
            parameter.materialize(saved.shape)


def logged(name: str, values: Tensor) -> dict[str, float]:
    """Return a learnt constant as a run logs it: by its name, or for many the mean, the least and the greatest."""
    if not has_shape(values):
        return {}
    values = values.detach()
    if values.numel() == 1:
        return {name: values.item()}
    return {name: values.mean().item(), f"{name}_min": values.amin().item(), f"{name}_max": values.amax().item()}


def _without_shape(module: nn.Module) -> Iterator[tuple[str, Any]]:
    if STARTS in module.__dict__:
        yield from ((name, one) for name, one in module.named_parameters(recurse=False) if not has_shape(one))
