"""Membrane updates of a spiking layer: potentials that a step changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from snntrain.neuron import BaseNode
from snntrain.neuron.recurrence import integrate_and_fire

# Potentials that are held at a time.
MOST = 2**24


class Membranes:
    """Adds up the membrane updates of the spiking `layer`, on its device; `before` and `after` go around each call."""

    def __init__(self, layer: BaseNode) -> None:
        self.layer = layer
        self.updates: Tensor | int = 0
        # A charge rule of the user's own may change more than v, and must not run twice: the monitor tells of it.
        self.by_monitor = type(layer).charge is not BaseNode.charge

    def before(self) -> None:
        """Remembers the state that the call begins with."""
        self.v0 = self.layer.v
        self.watched = self.layer.monitor is not None
        if self.by_monitor and not self.watched:
            self.layer.set_monitor(True)

    def after(self, x: Tensor, s: Tensor) -> None:
        """Adds the updates of a call.

        Args:
            x: its input, as the layer was given it.
            s: its spikes, `[T, N, *]`, or `[N, *]` in single-step mode.
        """
        for v0, v in self._potentials(x, s):
            self.updates = self.updates + _changed(v0, v)
        if self.by_monitor and not self.watched:
            self.layer.set_monitor(False)

    def _potentials(self, x: Tensor, s: Tensor) -> Iterator[tuple[float | Tensor, Tensor]]:
        """The potential before the call, and those after each of its steps `[T, *]`, of some images after others."""
        layer = self.layer
        if layer.step_mode == "s":
            yield self.v0, torch.as_tensor(layer.v).unsqueeze(0)
        elif self.by_monitor:
            assert layer.monitor is not None
            yield self.v0, torch.from_numpy(np.stack(layer.monitor["v"][-len(s) :])).to(s.device)
        else:
            yield from self._run_again(x.to(s.dtype), len(s))

    def _run_again(self, x: Tensor, T: int) -> Iterator[tuple[float | Tensor, Tensor]]:
        """The same by the recurrence, which the layer has run without keeping its potentials."""
        layer = self.layer
        a, b, c = layer.coefficients()
        images = max(1, MOST // (T * max(1, x[0, :1].numel())))
        for first in range(0, x.shape[1], images):
            some = slice(first, first + images)
            own_a, own_b, own_c, v0 = (_of(k, some, x.ndim - 1) for k in (a, b, c, self.v0))
            run = integrate_and_fire(
                x[:, some],
                own_a,
                own_b,
                own_c,
                v0,
                v_threshold=layer.v_threshold,
                v_reset=layer.v_reset,
                surrogate=layer.surrogate_function,
                detach_reset=layer.detach_reset,
                T=T if len(x) < T else None,
                record=True,
            )
            yield v0, run.v


def _of(values: float | Tensor, some: slice, dimensions: int) -> float | Tensor:
    """Those of some images, of what broadcasts over `[N, *]`."""
    if isinstance(values, Tensor) and values.ndim == dimensions and len(values) > 1:
        return values[some]
    return values


def _changed(v0: float | Tensor, v: Tensor) -> Tensor | int:
    """How many of the potentials `v` `[T, *]` differ from those before them; after a reset all do."""
    first = _count(v[0] != v0) if isinstance(v0, Tensor) else v[0].numel()
    return first + _count(v[1:] != v[:-1])


def _count(flags: Tensor) -> Tensor | int:
    """How many are True: a number on a CPU, where NumPy is four times as fast, elsewhere a tensor to await."""
    return int(np.count_nonzero(flags.numpy())) if flags.device.type == "cpu" else flags.count_nonzero()
