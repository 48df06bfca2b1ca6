"""What the neurons did: voltages and spikes of a few images, by the neurons' own monitors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from snntrain.neuron import reset_net, spiking_layers


@dataclass(frozen=True)
class Recording:
    """What one layer did, each `[T, N, *]`.

    Args:
        h: membrane potential after charging, float32.
        v: after the reset, float32.
        s: spikes, bool.
        v_threshold: a neuron fires where `h` is `>=` this.
        v_reset: potential after a spike; None for the soft reset.
    """

    h: NDArray[np.float32]
    v: NDArray[np.float32]
    s: NDArray[np.bool_]
    v_threshold: float
    v_reset: float | None


def record(net: nn.Module, forward: Callable[[], Any]) -> dict[str, Recording]:
    """Recordings of every spiking layer of `net` while `forward` runs it, by the layer's name.

    It runs in evaluation mode and without gradients. Modes and monitors are on or off afterwards as they were, states
    and what monitors held are reset, also where `forward` raises.
    """
    layers = dict(spiking_layers(net))
    monitored = {name: layer.monitor is not None for name, layer in layers.items()}
    modes = {module: module.training for module in net.modules()}
    reset_net(net)
    try:
        for layer in layers.values():
            layer.set_monitor(True)
        net.eval()
        with torch.no_grad():
            forward()
        return {name: _recording(layer) for name, layer in layers.items() if layer.monitor and layer.monitor["s"]}
    finally:
        for name, layer in layers.items():
            layer.set_monitor(monitored[name])
        # One by one: a layer may have been frozen on its own.
        for module, mode in modes.items():
            module.training = mode
        reset_net(net)


def _recording(layer: Any) -> Recording:
    h, v, s = (np.stack(layer.monitor[key]) for key in ("h", "v", "s"))
    return Recording(h.astype(np.float32), v.astype(np.float32), s != 0, layer.v_threshold, layer.v_reset)
