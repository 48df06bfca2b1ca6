"""Runs whose activations are computed again learn the same to the bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snntrain.errors import UserError

from .jobs import OURS, one_epoch, prepared, same, stepping

NOISY = (
    *("network=csnn", "network.channels=[4,4]", "network.hidden=[8]", "network.dropout=0.3", "encoder=poisson"),
    *("neuron.v_threshold=0.2", "trainer.accumulate=2", "trainer.ema=0.9", "trainer.limit_batches=4"),
)


@pytest.mark.parametrize("layers", [1, 4])
def test_weights_averages_and_statistics_are_the_same(layers: int) -> None:
    found = []
    for overrides in ((), (f"trainer.checkpoint_layers={layers}",)):
        job = prepared(*NOISY, *overrides)
        before = job.model.network.conv1.weight.detach().clone()
        metrics = one_epoch(job, stepping(job))
        assert job.average is not None
        assert not torch.equal(before, job.model.network.conv1.weight)
        found.append(
            {
                "model": dict(job.model.state_dict()),
                "average": dict(job.average.model.state_dict()),
                "loss": metrics.loss,
                "random": torch.get_rng_state(),
            }
        )
    assert same(*found)


class Plain(nn.Module):
    """A network that is not a chain of layers."""

    def __init__(self, in_shape: tuple[int, ...], classes: int, neuron: object, **keys: object) -> None:
        super().__init__()
        self.out = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.out(x.flatten(2))
        return y


def test_a_network_that_is_not_a_chain_is_refused() -> None:
    own = (OURS, "network._target_=tests.training.test_checkpoint_layers.Plain", "trainer.checkpoint_layers=2")
    with pytest.raises(UserError, match=r"trainer\.checkpoint_layers=2: Plain has no chain of layers"):
        prepared(*own)
