"""Operations of the products of attention, compared with a loop over every multiplication."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from snntrain.cost.count import Cost, not_counted
from snntrain.cost.products import Products
from snntrain.cost.table import cost_table
from snntrain.data.padding import padded
from snntrain.network.vision.attention import MatrixProduct
from tests.network.inputs import noise, sparse
from tests.network.vision.nets import DIGITS, built

T, N = 2, 3


def every_multiplication(a: Tensor, b: Tensor) -> tuple[int, int]:
    """Count effective and dense operations, product by product."""
    effective = dense = 0
    for x, y in zip(a.flatten(0, -3).tolist(), b.flatten(0, -3).tolist(), strict=True):
        for row, inner, column in product(range(len(x)), range(len(y)), range(len(y[0]))):
            dense += 1
            effective += x[row][inner] != 0 and y[inner][column] != 0
    return effective, dense


def spikes(*shape: int, seed: int = 0) -> Tensor:
    return (noise(*shape, seed=seed) > 0).float()


@pytest.mark.parametrize("analog", ["neither", "first", "second", "both"])
def test_the_operations_are_the_products_of_two_nonzero_elements(analog: str) -> None:
    products, expected = Products(), [0, 0]
    for seed in (0, 1):
        a, b = spikes(T, N, 2, 3, 4, seed=seed), spikes(T, N, 2, 4, 5, seed=seed + 2)
        a = a * 3 if analog in ("first", "both") else a
        b = b * 0.5 if analog in ("second", "both") else b
        products.add(a, b)
        expected = [sum(pair) for pair in zip(expected, every_multiplication(a, b), strict=True)]
    found = products.operations()
    assert found is not None
    assert [found.effective, found.dense] == expected
    assert 0 < found.effective < found.dense
    # A sum of whole numbers that spikes select needs no multiplication.
    assert found.spiking is (analog != "both")


def test_products_of_padding_do_not_count() -> None:
    a, b = noise(T, N, 1, 3, 4), noise(T, N, 1, 4, 5)
    lengths = torch.tensor([1, 2, 1])
    # Only padding is analog.
    valid = (torch.arange(T).unsqueeze(1) < lengths).view(T, N, 1, 1, 1)
    a, b = (torch.where(valid, sparse(matrix).sign(), matrix) for matrix in (a, b))
    products = Products()
    with padded(a, lengths):
        products.add(a, b)
    found = products.operations()
    assert found is not None
    effective, _ = every_multiplication(a * valid, b * valid)
    assert (found.effective, found.dense) == (effective, 4 * 3 * 4 * 5)
    assert found.spiking


def test_the_counts_of_several_processes_add_up() -> None:
    a, b = spikes(T, N, 1, 3, 4), spikes(T, N, 1, 4, 5)
    one, other = Products(), Products()
    one.add(a, b)
    other.add(a, b)

    def twice(value: Tensor) -> Tensor:
        return value.mul_(2)

    other.add_up(twice)
    alone, together = one.operations(), other.operations()
    assert alone is not None
    assert together is not None
    assert (together.effective, together.dense) == (2 * alone.effective, 2 * alone.dense)
    assert together.spiking
    Products().add_up(twice)


@pytest.mark.parametrize("name", ["spikformer", "qkformer"])
def test_all_operations_of_a_transformer_are_known(name: str) -> None:
    net = built(name).eval()
    called: dict[str, tuple[Tensor, Tensor]] = {}
    for key, module in net.named_modules():
        if isinstance(module, MatrixProduct):

            def note(_: MatrixProduct, given: tuple[Tensor, Tensor], key: str = key) -> None:
                called[key] = given

            module.register_forward_pre_hook(note)
    with torch.no_grad(), Cost(net) as cost:
        net(noise(T, N, *DIGITS, dtype=torch.float32))
    figures = cost.figures(N)
    assert not not_counted(figures, net)
    assert figures["energy_nj_per_image"] > 0
    assert len(called) == 4
    for key, (a, b) in called.items():
        effective, dense = every_multiplication(a, b)
        own = figures["layers"][key]
        assert own["effective_acs_per_image"] == effective / N
        assert own["effective_macs_per_image"] == 0
        assert own["dense_operations_per_image"] == dense / N
    assert "block3_attention.body.heads.product2" in cost_table(figures, {}) or name == "spikformer"


def test_a_product_that_never_ran_is_named() -> None:
    net = MatrixProduct()
    figures = Cost(net).figures(1)
    assert not_counted(figures, net) == {"": "MatrixProduct"}
