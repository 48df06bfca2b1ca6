"""The neurons with two states and their oracles, and functions to run and to compare them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from snntrain.neuron import AdLIFNode, CubaNode, TwoStateNode

from . import oracle_surrogates, two_state_oracle

V_THRESHOLD = 0.75


@dataclass(frozen=True)
class Kind:
    """A function that builds a node, and one that builds its oracle; `gain` scales an input so that it spikes."""

    name: str
    build: Callable[..., TwoStateNode]
    oracle: Callable[..., Any]
    gain: float

    def cell(self, node: TwoStateNode) -> Any:
        """Return the oracle with the numbers of a node."""
        shape = oracle_surrogates.SURROGATES[type(node.surrogate_function).__name__]()
        rule = two_state_oracle.Reset(node.v_threshold, node.v_reset, node.detach_reset, shape)
        return self.oracle({name: parameter.item() for name, parameter in node.named_parameters()}, rule)


ADLIF = partial(AdLIFNode, tau_u=2.5, tau_w=20.0, a=0.3, b=0.7, q=20.0)
KINDS = [
    Kind("cuba", partial(CubaNode, tau=2.5, tau_i=1.5), two_state_oracle.Cuba, 1.0),
    Kind("adlif", ADLIF, partial(two_state_oracle.AdLIF, q=20.0), 3.0),
    Kind(
        "threshold",
        partial(ADLIF, adapt="threshold"),
        partial(two_state_oracle.AdLIF, q=20.0, adapt="threshold"),
        3.0,
    ),
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
every_reset = pytest.mark.parametrize("v_reset", [0.0, -0.3, None], ids=["hard-0", "hard-0.3", "soft"])
every_detach = pytest.mark.parametrize("detach_reset", [False, True], ids=["attached", "detached"])


def current(kind: Kind, T: int = 9, shape: tuple[int, ...] = (3, 7), seed: int = 0) -> Tensor:
    """Return an input [T, *shape], float32-exact in float64, at which neurons spike in some steps but not in all."""
    x = kind.gain * np.random.default_rng(seed).normal(0.6, 0.9, (T, *shape))
    return torch.from_numpy(x.astype(np.float32).astype(np.float64))


def second(node: TwoStateNode) -> Any:
    """Return the second state."""
    return getattr(node, node.states[1])


def pulls(x: Tensor, T: int | None = None) -> tuple[np.ndarray, ...]:
    """Return weights of the spikes and of both last states, exact in bfloat16."""
    random = np.random.default_rng(5)
    shape = (T or len(x), *x.shape[1:])
    return tuple(np.round(random.normal(size=size) * 16) / 16 for size in (shape, shape[1:], shape[1:]))


def pull(node: TwoStateNode, s: Tensor, weights: tuple[np.ndarray, ...]) -> None:
    """Back-propagate through all spikes and both last states."""
    outputs = (s, node.v, second(node))
    sum((y.double() * torch.from_numpy(w)).sum() for y, w in zip(outputs, weights, strict=True)).backward()


def gradients(node: TwoStateNode, **tensors: Tensor) -> dict[str, np.ndarray]:
    """Return the gradients of the parameters and of these tensors."""
    found = {name: parameter.grad for name, parameter in node.named_parameters()} | {
        name: tensor.grad for name, tensor in tensors.items()
    }
    return {name: grad.double().numpy() for name, grad in found.items() if grad is not None}
