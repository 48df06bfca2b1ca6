"""Synaptic operations, compared with a loop over every multiplication."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from snntrain.cost.synapses import Layer, Synapses
from tests.network.inputs import noise, sparse


def every_multiplication(layer: Layer, x: Tensor) -> tuple[int, int]:
    """Count effective and dense operations, product by product; `x` `[N, C, *]`, and zeros around it."""
    weight, given = layer.weight.detach().numpy(), x.numpy()
    if isinstance(layer, nn.Linear):
        pairs = [(w, v) for row in given for weights in weight for w, v in zip(weights, row, strict=True)]
        return sum(w != 0 and v != 0 for w, v in pairs), len(pairs)
    effective = dense = 0
    outputs, inputs, *kernel = weight.shape
    places = layer(x).shape[2:]
    for n, o, c in product(range(len(given)), range(outputs), range(inputs)):
        channel = o // (outputs // layer.groups) * inputs + c
        for place, tap in product(product(*map(range, places)), product(*map(range, kernel))):
            at = [
                p * stride - pad + k * dilation
                for p, k, stride, pad, dilation in zip(
                    place, tap, layer.stride, layer.padding, layer.dilation, strict=True
                )
            ]
            if all(0 <= i < size for i, size in zip(at, given.shape[2:], strict=True)):
                dense += 1
                effective += bool(weight[(o, c, *tap)] != 0 and given[(n, channel, *at)] != 0)
    return effective, dense


def check(layer: Layer, *batches: Tensor) -> None:
    layer.weight.data = sparse(layer.weight.data, 0)
    synapses = Synapses(layer)
    for x in batches:
        synapses.add(x)
    counts = np.sum([every_multiplication(layer, x) for x in batches], axis=0)
    reported = synapses.operations()
    assert reported is not None
    assert (reported.effective, reported.dense) == tuple(counts)
    assert 0 < reported.effective < reported.dense


@settings(max_examples=15)
@given(
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
    channels_last=st.booleans(),
)
def test_the_operations_of_a_convolution_are_its_multiplications_of_nonzero_inputs(
    stride: int, padding: int, dilation: int, groups: int, bias: bool, channels_last: bool
) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 4, 3, stride, padding, dilation, groups, bias)
    order = torch.channels_last if channels_last else torch.contiguous_format
    batches = [sparse(noise(n, 2, 5, 6).float(), n).contiguous(memory_format=order) for n in (3, 1)]
    check(layer, *batches)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(7, 5), (4, 7)),
        (nn.Conv1d(2, 3, 3, padding=1), (2, 2, 6)),
        (nn.Conv3d(1, 2, 2, stride=2, padding=1), (2, 1, 3, 4, 3)),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_other_layers_are_counted_in_any_precision(layer: Layer, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = sparse(noise(*shape), 1)
    layer.weight.data = sparse(layer.weight.data, 0)
    synapses = Synapses(layer)
    synapses.add(x.to(dtype))
    reported = synapses.operations()
    assert reported is not None
    assert (reported.effective, reported.dense) == every_multiplication(layer, x.float())


def test_more_inputs_than_half_precision_can_count_are_counted() -> None:
    synapses = Synapses(nn.Linear(3, 2))
    for _ in range(3):
        synapses.add(torch.ones(1000, 3, dtype=torch.bfloat16))
    with torch.autocast("cpu", torch.bfloat16):
        synapses.add(torch.ones(1001, 3))
    reported = synapses.operations()
    assert reported is not None
    assert reported.effective == reported.dense == 4001 * 6


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: prune.ln_structured(layer, "weight", amount=2, n=1, dim=1),
        lambda layer: parametrizations.weight_norm(layer),
    ],
)
def test_weights_that_are_computed_count_as_they_are_used(change: Callable[[nn.Module], nn.Module]) -> None:
    layer = change(nn.Linear(6, 5))
    synapses = Synapses(layer)
    synapses.add(torch.ones(2, 6))
    reported = synapses.operations()
    assert reported is not None
    assert reported.effective == 2 * int((layer.weight != 0).sum())
