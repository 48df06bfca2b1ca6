"""The outputs of the networks equal those of a loop over time that was written from the papers."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from snntrain.neuron import reset_net
from tests.network.inputs import noise

from .nets import SMALL, built, with_statistics
from .plain import LOOPS, Plain

T, N = 3, 2


@pytest.mark.parametrize("name", SMALL)
def test_outputs_are_those_of_a_plain_loop_over_time(name: str) -> None:
    net = with_statistics(built(name, output=lambda: None))
    x = noise(T, N, *SMALL[name][1])
    # The same network in channels-last order, as a training has it.
    last = deepcopy(net).to(memory_format=torch.channels_last)
    with torch.no_grad():
        plain = Plain(net.state_dict())
        expected = torch.stack([LOOPS[name](plain, step) for step in x])
        torch.testing.assert_close(net(x), expected)
        torch.testing.assert_close(last(x), expected)
        reset_net(net)
        torch.testing.assert_close(net(x), expected)
    assert plain.values == {0.0, 1.0}
    assert expected.std(0).min() > 0
