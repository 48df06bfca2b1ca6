"""The table of a network's layers at the start of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn

from snntrain.network.mode import evaluating
from snntrain.network.sequence import OverTime
from snntrain.neuron import BaseNode


class Row(NamedTuple):
    """One layer: the shape of its output per step and image, its parameters, and its neurons if it spikes."""

    layer: str
    kind: str
    output: str
    parameters: int
    neurons: int


def layer_table(net: nn.Module, x: Tensor) -> str:
    """Return a text table of the layers of `net` and their sums, from one pass of the example `x` `[T, N, *]`.

    The pass runs in evaluation mode and without gradients. Afterwards the neurons are reset; the rest is unchanged.
    """
    rows = _rows(net, x)
    cells = [("layer", "kind", "output", "parameters", "neurons")]
    cells += [(*row[:3], f"{row.parameters:,}", f"{row.neurons:,}" if row.neurons else "") for row in rows]
    total = sum(p.numel() for p in net.parameters())
    cells.append(("total", "", "", f"{total:,}", f"{sum(row.neurons for row in rows):,}"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = [f"<{width}" if i < 3 else f">{width}" for i, width in enumerate(widths)]
    lines = ["  ".join(map(format, line, aligned)).rstrip() for line in cells]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _rows(net: nn.Module, x: Tensor) -> list[Row]:
    rows: dict[str, Row] = {}

    def hook(name: str) -> Any:
        def add(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            # A recurrent layer calls its neurons once for each step.
            rows.setdefault(name, _row(name, layer, output))

        return add

    handles = [layer.register_forward_hook(hook(name)) for name, layer in _layers(net)]
    try:
        with evaluating(net):
            net(x)
    finally:
        for handle in handles:
            handle.remove()
    return list(rows.values())


def _layers(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that are not mere containers; a neuron is one layer, whatever parts it has."""
    children = dict(module.named_children())
    if isinstance(module, BaseNode) or not children:
        yield name, module
        return
    for key, child in children.items():
        yield from _layers(child, f"{name}.{key}" if name else key)


def _row(name: str, module: nn.Module, output: Tensor) -> Row:
    timed = isinstance(module, BaseNode | OverTime)
    # A stateless layer gets time merged into the batch dimension.
    shape = output.shape[2 if timed else 1 :]
    return Row(
        name,
        type(module).__name__,
        "x".join(map(str, shape)),
        sum(p.numel() for p in module.parameters()),
        shape.numel() if isinstance(module, BaseNode) and module.spiking else 0,
    )
