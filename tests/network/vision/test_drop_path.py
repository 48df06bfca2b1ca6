"""Stochastic depth."""

from __future__ import annotations

import pytest
import torch

from snntrain.data.share import Share, computing
from snntrain.network.drop_path import DropPath, rising
from tests.network.inputs import noise

from .nets import SMALL, built


def test_a_branch_is_dropped_for_a_sample_as_a_whole_at_all_steps() -> None:
    torch.manual_seed(0)
    y = DropPath(0.4)(torch.ones(3, 2000, 2, 4, 4))
    assert y.unique().tolist() == pytest.approx([0.0, 1 / 0.6])
    kept = y[0, :, 0, 0, 0] != 0
    assert torch.equal((y != 0).float(), kept.float().view(1, -1, 1, 1, 1).expand_as(y))
    assert (~kept).float().mean().item() == pytest.approx(0.4, abs=0.04)


def test_nothing_is_dropped_in_evaluation() -> None:
    x = noise(2, 3, 4)
    assert DropPath(0.9).eval()(x) is x
    assert DropPath(0.0)(x) is x


@pytest.mark.parametrize("shares", [2, 3])
def test_each_process_drops_what_one_would(shares: int) -> None:
    layer, x = DropPath(0.5), noise(2, 7, 3, 2, 2)
    torch.manual_seed(3)
    whole = layer(x)
    parts = []
    for rank in range(shares):
        share = Share.of(7, rank, shares)
        torch.manual_seed(3)
        with computing(share):
            parts.append(layer(x[:, share.start : share.stop]))
    assert torch.equal(torch.cat(parts, 1), whole)


def test_the_probability_rises_linearly_with_depth() -> None:
    assert rising(0.3, 4) == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert rising(0.3, 1) == [0.0]
    net = built("spikformer", depth=3, drop_path=0.2)
    found = {name: module.p for name, module in net.named_modules() if isinstance(module, DropPath)}
    assert found == pytest.approx(
        {f"block{n}_{part}.body.drop_path": 0.1 * (n - 1) for n in (2, 3) for part in ("attention", "mlp")}
    )


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_a_probability_outside_its_range_is_refused(p: float) -> None:
    for wrong in (lambda: DropPath(p), lambda: rising(p, 2)):
        with pytest.raises(ValueError, match=r"drop_path must lie in \[0, 1\)"):
            wrong()


@pytest.mark.parametrize("name", ["sew_resnet18", "sew_resnet_events", "ms_resnet18", "spiking_resnet19", "qkformer"])
def test_every_residual_network_can_drop_branches(name: str) -> None:
    net = built(name, drop_path=0.5)
    assert any(isinstance(module, DropPath) for module in net.modules())
    weights = built(name).state_dict()
    assert list(net.state_dict()) == list(weights)
    assert net(noise(2, 3, *SMALL[name][1], dtype=torch.float32)).shape == (2, 3, 5)
