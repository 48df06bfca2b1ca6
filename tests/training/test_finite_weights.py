"""The check that weights are finite before they are saved."""

from __future__ import annotations

import pytest
import torch

from snntrain.errors import RunFailed
from snntrain.training.saving.saver import check_weights
from tests.messages.world import fake_training


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_one_weight_that_is_not_finite_is_found(bad: float, dtype: torch.dtype) -> None:
    training = fake_training()
    empty = torch.nn.ParameterList([torch.empty(0)])
    model = torch.nn.ModuleList([torch.nn.Linear(300, 40), empty]).to(dtype)
    training.job.model = model
    check_weights(training)
    with torch.no_grad():
        model[0].weight[17, 123] = bad
    with pytest.raises(RunFailed, match="no longer finite"):
        check_weights(training)


def test_large_weights_are_finite() -> None:
    check_weights(fake_training(weight=torch.finfo(torch.float32).max))
