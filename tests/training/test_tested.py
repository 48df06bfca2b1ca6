"""test.json: the results of a run's weights on the test images, found again by those weights alone."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from snntrain.training.evaluation import kept_test as tested
from snntrain.training.evaluation.evaluate import Metrics

CONFUSION = [[3, 1], [0, 4]]


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))


@pytest.fixture
def folder(network: nn.Module, tmp_path: Path) -> Path:
    """Return a folder with a test.json that has the network's present and earlier weights."""
    before = tested.entry(network, Metrics(0.5, 0.5, torch.tensor([[1, 3], [1, 3]]), 0))
    negate(network)
    now = tested.entry(network, Metrics(0.25, 0.875, torch.tensor(CONFUSION), 2))
    tested.write(tmp_path, {"last": before, "best": now})
    return tmp_path


@torch.no_grad()
def negate(network: nn.Module) -> None:
    for parameter in network.parameters():
        parameter.neg_()


def changed(folder: Path, **values: Any) -> None:
    content = json.loads((folder / "test.json").read_text())
    content["best"] |= values
    (folder / "test.json").write_text(json.dumps(content))


def test_a_test_is_found_by_its_weights(folder: Path, network: nn.Module) -> None:
    found = tested.read(folder, network, 2)
    assert found is not None
    assert (found.loss, found.accuracy, found.confusion.tolist(), found.ties) == (0.25, 7 / 8, CONFUSION, 2)
    negate(network)
    found = tested.read(folder, network, 2)
    assert found is not None
    assert found.confusion.tolist() == [[1, 3], [1, 3]]


@pytest.mark.parametrize("name", ["0.weight", "1.running_mean", "1.num_batches_tracked", "3.bias"])
def test_other_weights_have_no_test(name: str, folder: Path, network: nn.Module) -> None:
    network.state_dict()[name].add_(1)
    assert tested.read(folder, network, 2) is None


@pytest.mark.parametrize(
    "values",
    [
        {"confusion": [[3, 1], [0]]},
        {"confusion": [[3, 1, 0], [0, 4, 0], [0, 0, 0]]},
        {"confusion": [[3, 1], [0, -4]]},
        {"confusion": [[3, 1], [0, 4.0]]},
        {"confusion": [[3, 1], [0, 10**400]]},
        {"confusion": "3104"},
        {"loss": "<script>"},
        {"loss": None},
        {"ties": None},
        {"ties": -1},
        {"ties": 9},
        {"ties": 1.0},
    ],
)
def test_content_that_is_not_a_test_is_ignored(values: dict[str, Any], folder: Path, network: nn.Module) -> None:
    changed(folder, **values)
    assert tested.read(folder, network, 2) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"best": 3}', b'{"best": {}}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_left_alone(content: bytes, folder: Path, network: nn.Module) -> None:
    (folder / "test.json").write_bytes(content)
    assert tested.read(folder, network, 2) is None
    (folder / "test.json").unlink()
    assert tested.read(folder, network, 2) is None
