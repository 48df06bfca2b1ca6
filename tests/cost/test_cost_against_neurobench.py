"""The cost of the same networks by NeuroBench: its kept numbers, and its new ones if it is installed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from snntrain.cost.count import Cost

from .against_neurobench import CASES, IMAGES, NUMBERS, T, as_it_is, images, network, of_the_twin

REPORTED = json.loads(NUMBERS.read_text())


def ours(pool: str, inputs: str) -> dict[str, Any]:
    net = network(pool)
    with torch.no_grad(), Cost(net) as cost:
        net(images(inputs))
    return cost.figures(IMAGES)


@pytest.mark.parametrize(("pool", "inputs"), CASES)
def test_the_operations_and_the_size_are_neurobenchs(pool: str, inputs: str) -> None:
    reported = REPORTED[f"{pool} {inputs}"]["as it is"]
    figures = ours(pool, inputs)
    assert {key: figures[key] for key in reported} == reported
    assert (reported["effective_macs_per_image"] > 0) == (inputs == "constant" or pool == "avg")
    assert 0 < reported["effective_acs_per_image"] < reported["dense_operations_per_image"]


@pytest.mark.parametrize(("pool", "inputs"), CASES)
def test_potentials_and_spikes_are_those_of_the_same_network_of_snntorchs_neurons(pool: str, inputs: str) -> None:
    reported = REPORTED[f"{pool} {inputs}"]["twin"]
    figures = ours(pool, inputs)
    for key in ("membrane_updates_per_image", "spikes_per_image"):
        assert figures[key] == reported[key]
    assert 0 < figures["membrane_updates_per_image"] < T * (4 * 64 + 6 * 16 + 12 + 6)


def test_step_by_step_the_first_layer_is_called_once_per_step_on_a_constant_current() -> None:
    reported = REPORTED["max constant"]["twin"]
    figures = ours("max", "constant")
    assert reported["effective_macs_per_image"] == T * figures["effective_macs_per_image"]
    assert reported["effective_acs_per_image"] == figures["effective_acs_per_image"]


@pytest.mark.parametrize(("pool", "inputs"), CASES)
def test_the_kept_numbers_are_those_that_neurobench_reports(pool: str, inputs: str) -> None:
    pytest.importorskip("neurobench", reason="NeuroBench is not installed; its numbers are kept beside this file")
    reported = {"as it is": as_it_is(network(pool), images(inputs)), "twin": of_the_twin(network(pool), images(inputs))}
    assert reported == REPORTED[f"{pool} {inputs}"]
