"""Neurons and inputs for the tests of the networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snntrain.neuron import BaseNode, PLIFNode, surrogate


def neuron() -> BaseNode:
    """Return a multi-step node that fires on weak currents and learns its time constant."""
    return PLIFNode(v_threshold=0.05, surrogate_function=surrogate.ATan(), step_mode="m")


def noise(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def constant(T: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return the same step T times, in the memory of one: stride 0."""
    return noise(*shape, dtype=dtype).expand(T, *shape)


def sparse(x: Tensor, seed: int = 0) -> Tensor:
    """Return about half of the values, and zeros for the others."""
    return x * (torch.rand(x.shape, generator=torch.Generator().manual_seed(seed)) < 0.5)


def shapes_seen(net: nn.Module, kind: type[nn.Module]) -> list[tuple[int, ...]]:
    """Return a list that receives the shape of every input of `net`'s layers of a kind."""
    seen: list[tuple[int, ...]] = []
    for module in net.modules():
        if isinstance(module, kind):
            module.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    return seen
