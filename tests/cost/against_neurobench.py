"""Small networks, and the costs that NeuroBench reported for them.

Their weights and inputs are multiples of 1/64, and there are eight images: all sums and means are exact, and every
machine counts the same spikes. `python -m tests.cost.against_neurobench` writes the numbers again, if NeuroBench is
installed: those of the network itself, and those of a twin with snnTorch's neurons. NeuroBench can see the twin's
potentials, and calls it step by step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.network.csnn import CSNN
from snntrain.network.layers import Vote
from snntrain.neuron import BaseNode, LIFNode

NUMBERS = Path(__file__).with_suffix(".json")
T, IMAGES, SIDE, CLASSES = 5, 8, 8, 3
CASES = [(pool, inputs) for pool in ("max", "avg") for inputs in ("constant", "spikes")]


def network(pool: str) -> CSNN:
    """Return a convolutional network with every third weight pruned, in evaluation mode."""
    # No potential equals the threshold, at which our neuron would fire and snnTorch's would not.
    net = CSNN(
        (1, SIDE, SIDE),
        CLASSES,
        lambda: LIFNode(tau=2.0, v_threshold=0.3, v_reset=0.0, step_mode="m"),
        channels=(4, 6),
        hidden=(12,),
        votes=2,
        pool=pool,
    )
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = torch.randint(-16, 40, module.weight.shape, generator=generator) / 64
            weight.view(-1)[::3] = 0
            module.weight.data = weight
        elif isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
    return net.eval()


def images(inputs: str) -> Tensor:
    """`[T, N, 1, 8, 8]`: the same intensities at every step, in the memory of one, or random spikes."""
    generator = torch.Generator().manual_seed(1)
    if inputs == "spikes":
        return torch.randint(0, 2, (T, IMAGES, 1, SIDE, SIDE), generator=generator).float()
    grey = torch.randint(-2, 5, (IMAGES, 1, SIDE, SIDE), generator=generator) / 4
    return grey.expand(T, *grey.shape)


def as_it_is(net: CSNN, x: Tensor) -> dict[str, float]:
    """Return NeuroBench's numbers for the network, which is called once with all steps."""
    from neurobench.metrics.static import Footprint, ParameterCount
    from neurobench.models import TorchModel

    model = TorchModel(deepcopy(net))
    reported = _synaptic(model, x)
    buffers = sum(b.numel() * b.element_size() for b in net.buffers())
    return {
        **reported,
        "parameters": ParameterCount()(model),
        # NeuroBench's footprint includes the running means and variances.
        "parameter_bytes": Footprint()(model) - buffers,
    }


def of_the_twin(net: CSNN, x: Tensor) -> dict[str, float]:
    """Return NeuroBench's numbers for the same weights between snnTorch's neurons, called step by step."""
    from neurobench.metrics.workload import MembraneUpdates
    from neurobench.models import SNNTorchModel

    model = SNNTorchModel(nn.Sequential(*_twins(net)))
    model.register_hooks()
    updates = MembraneUpdates()
    with torch.no_grad():
        model(x.transpose(0, 1))
    updates(model, None, (x[0],))
    spikes = sum(float(s.sum()) for hook in model.activation_hooks for s in hook.activation_outputs)
    model.cleanup_hooks()
    return {
        **_synaptic(model, x.transpose(0, 1)),
        "membrane_updates_per_image": updates.compute(),
        "spikes_per_image": spikes / IMAGES,
    }


def _synaptic(model: Any, x: Tensor) -> dict[str, float]:
    from neurobench.metrics.workload import SynapticOperations

    metric = SynapticOperations()
    model.register_hooks()
    with torch.no_grad():
        model(x)
    reported = metric(model, None, (torch.empty(IMAGES),))
    model.cleanup_hooks()
    return {
        "effective_macs_per_image": reported["Effective_MACs"],
        "effective_acs_per_image": reported["Effective_ACs"],
        "dense_operations_per_image": reported["Dense"],
    }


def _twins(net: CSNN) -> Iterator[nn.Module]:
    import snntorch

    nodes = [layer for layer in net if isinstance(layer, BaseNode)]
    for layer in net:
        if isinstance(layer, BaseNode):
            yield _Half()
            yield snntorch.Leaky(
                beta=0.5,
                threshold=layer.v_threshold,
                init_hidden=True,
                reset_mechanism="zero",
                reset_delay=False,
                output=layer is nodes[-1],
            )
        elif not isinstance(layer, Vote):
            yield layer


class _Half(nn.Module):
    """The part of its input current that a LIF neuron with tau 2 takes in."""

    def forward(self, x: Tensor) -> Tensor:
        return x / 2


if __name__ == "__main__":
    numbers = {
        f"{pool} {inputs}": {
            "as it is": as_it_is(network(pool), images(inputs)),
            "twin": of_the_twin(network(pool), images(inputs)),
        }
        for pool, inputs in CASES
    }
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n")
