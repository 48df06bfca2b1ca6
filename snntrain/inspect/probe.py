"""Recordings of the potentials and spikes of every step for a few images."""

from __future__ import annotations

from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.errors import UserError
from snntrain.inspect.recording import Recording
from snntrain.network.mode import evaluating
from snntrain.neuron import BaseNode, stateful_layers
from snntrain.neuron.integrate_and_fire import Trajectory


def watch(
    net: nn.Module, forward: Callable[[], Tensor], layers: Collection[str] | None = None
) -> tuple[Tensor, dict[str, Trajectory]]:
    """Return the output of `forward`, and the trajectories `[T, N, *]` of the layers of neurons by name.

    The network runs in evaluation mode and without gradients. Afterwards modes and observers are restored and states
    are reset, even if `forward` raises.

    Args:
        net: the network, or a part of it.
        forward: a function that runs the network.
        layers: the names of the layers to watch; None for all.
    """
    watched = {name: layer for name, layer in stateful_layers(net) if layers is None or name in layers}
    before = {name: layer.observer for name, layer in watched.items()}
    calls: dict[str, list[Trajectory]] = {}
    try:
        with evaluating(net):
            for name, layer in watched.items():
                layer.observer = _collector(calls, name)
            output = forward()
    finally:
        for name, layer in watched.items():
            layer.observer = before[name]
    return output, {name: _in_sequence(parts) for name, parts in calls.items()}


def record(net: nn.Module, forward: Callable[[], Any], layers: Collection[str] | None = None) -> dict[str, Recording]:
    """Record the layers of neurons of `net` while `forward` runs it, on the host; otherwise as `watch`."""
    _, trajectories = watch(net, forward, layers)
    nodes = dict(stateful_layers(net))
    return {name: recording(nodes[name], trajectory) for name, trajectory in trajectories.items()}


def recording(layer: BaseNode, trajectory: Trajectory) -> Recording:
    """Return the activity of `layer` on the host: spikes as bool, potentials as float32."""
    h, v = (sequence.float().cpu().numpy() for sequence in (trajectory.h, trajectory.v))
    # Neurons may have learnt thresholds of their own; a picture has one line.
    v_threshold = layer.v_threshold if layer.has_own_rule else layer.threshold()
    if isinstance(v_threshold, Tensor):
        v_threshold = v_threshold.detach().mean().item()
    more = {name: sequence.float().cpu().numpy() for name, sequence in trajectory.more.items()}
    # The output of neurons that do not spike is their potential.
    s = trajectory.s != 0 if layer.spiking else torch.zeros_like(trajectory.s, dtype=torch.bool)
    return Recording(h, v, s.cpu().numpy(), v_threshold, layer.v_reset, more, layer.spiking)


def matching_layers(net: nn.Module, patterns: Collection[str], key: str) -> list[str]:
    """Return the names of the layers of neurons that match a name or shell pattern, in the network's order.

    Args:
        net: the network.
        patterns: names and shell patterns, as conv*.
        key: the key of the patterns, for messages, such as monitor.layers.

    Raises:
        UserError: a pattern matches no layer.
    """
    names = [name for name, _ in stateful_layers(net)]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UserError(
                f"{key}: '{pattern}' matches no spiking layer of this network; there are {', '.join(names) or 'none'}"
            )
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _collector(calls: dict[str, list[Trajectory]], name: str) -> Callable[[Trajectory], None]:
    def collect(trajectory: Trajectory) -> None:
        calls.setdefault(name, []).append(trajectory)

    return collect


def _in_sequence(parts: list[Trajectory]) -> Trajectory:
    """Join a layer's calls in time, for a network that is called step by step."""
    if len(parts) == 1:
        return parts[0]
    s, h, v = (torch.cat([getattr(part, key) for part in parts]) for key in ("s", "h", "v"))
    more = {name: torch.cat([part.more[name] for part in parts]) for name in parts[0].more}
    return Trajectory(s, parts[-1].v_last, h, v, more)
