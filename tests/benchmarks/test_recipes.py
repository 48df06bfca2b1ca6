"""The benchmarks of whole trainings: recipes, digits, and the time to an accuracy beside SpikingJelly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import digits, peer_networks, recipes
from snntrain.network.grammar import WrittenNetwork
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import LIFNode, PLIFNode, surrogate

KINDS = {"lif": LIFNode, "plif": PLIFNode}


def network(kind: str, text: str) -> TimeSequential:
    def neuron() -> LIFNode | PLIFNode:
        return KINDS[kind](2.0, surrogate_function=surrogate.ATan(), detach_reset=True, step_mode="m")

    torch.manual_seed(0)
    made = WrittenNetwork((1, 8, 8), 10, neuron, text)
    with torch.no_grad():  # Large enough for spikes in all layers.
        for name, parameter in made.named_parameters():
            parameter.mul_(1 if "neuron" in name else 4)
    return made


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["4C3-BN-P2-8C3-BN-N-P2p1-20K-N-V20", "4C3b-BN-N-4C3s2g2-N-10Kb-N-V10", "16-N-K-N"])
def test_the_copy_in_spikingjelly_spikes_as_our_network(kind: str, text: str, once: bool) -> None:
    pytest.importorskip("spikingjelly")
    ours = network(kind, text)
    theirs = peer_networks.spikingjelly_copy(ours, kind, T=6, once=once)
    images = 2 * torch.rand(5, 1, 8, 8)
    expected = ours(images.expand(6, *images.shape)).mean(0)
    assert expected.any()
    torch.testing.assert_close(theirs(images), expected)
    # A second call begins again.
    torch.testing.assert_close(theirs(images), expected)


def test_a_layer_without_a_counterpart_is_refused() -> None:
    pytest.importorskip("spikingjelly")
    with pytest.raises(ValueError, match="Residual: no counterpart"):
        peer_networks.spikingjelly_copy(network("lif", "4C3-BN-N-[4C3-BN-N]+-K-N"), "lif", T=2, once=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of one epoch, and the results of its benchmark."""
    folder = tmp_path_factory.mktemp("digits")
    small = ["trainer.epochs=1", "network.hidden=[16]"]
    digits.main(["mlp", "--seeds=1", f"--runs={folder}", f"--out={folder}", "--set", *small])
    return folder


def test_the_digits_have_a_line_for_each_network(runs: Path) -> None:
    ((section,),) = [json.loads((runs / "digits.json").read_text())["sections"]]
    (row,) = section["rows"]
    assert row["name"] == "mlp"
    assert 0 < row["lowest"] == row["test accuracy"] <= 1
    assert row["seconds, at most"] > 0


def test_the_mean_over_the_seeds_and_the_learning_curves(runs: Path) -> None:
    one = {"name": "a"} | recipes.figures(runs / "mlp-0")
    two = one | {"test accuracy": one["test accuracy"] / 2}
    (row,) = recipes.summary([one, two]).rows
    assert row["test accuracy"] == pytest.approx(0.75 * one["test accuracy"])
    assert row["lowest"] == two["test accuracy"]
    (axes,) = recipes.curves({"a": [runs / "mlp-0"] * 2}).axes
    assert [len(line.get_xdata()) for line in axes.lines] == [1, 1]


def test_a_finished_run_is_not_trained_again(runs: Path) -> None:
    before = (runs / "mlp-0" / "summary.json").stat().st_mtime_ns
    recipes.trained(runs, "mlp", 0, ["network=mlp", "trainer.epochs=1"])
    assert (runs / "mlp-0" / "summary.json").stat().st_mtime_ns == before
