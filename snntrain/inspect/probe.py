"""What the neurons did: voltages and spikes of a few images, by the neurons' own monitors."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from snntrain.inspect.recording import Recording
from snntrain.network.mode import evaluating
from snntrain.neuron import spiking_layers


def record(net: nn.Module, forward: Callable[[], Any]) -> dict[str, Recording]:
    """Recordings of every spiking layer of `net` while `forward` runs it, by the layer's name.

    It runs in evaluation mode and without gradients. Modes and monitors are on or off afterwards as they were, states
    and what monitors held are reset, also where `forward` raises.
    """
    layers = dict(spiking_layers(net))
    monitored = {name: layer.monitor is not None for name, layer in layers.items()}
    try:
        with evaluating(net):
            for layer in layers.values():
                layer.set_monitor(True)
            forward()
            return {name: _recording(layer) for name, layer in layers.items() if layer.monitor and layer.monitor["s"]}
    finally:
        for name, layer in layers.items():
            layer.set_monitor(monitored[name])


def _recording(layer: Any) -> Recording:
    h, v, s = (np.stack(layer.monitor[key]) for key in ("h", "v", "s"))
    return Recording(h.astype(np.float32), v.astype(np.float32), s != 0, layer.v_threshold, layer.v_reset)
