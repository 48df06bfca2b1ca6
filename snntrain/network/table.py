"""The table of a network's layers that a run begins with."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snntrain.network.sequence import OverTime
from snntrain.neuron import BaseNode, reset_net


class Row(NamedTuple):
    """One layer: its output of one step and one image, its parameters, its neurons where it spikes."""

    layer: str
    kind: str
    output: str
    parameters: int
    neurons: int


def layer_table(net: nn.Module, x: Tensor) -> str:
    """A text table of the layers of `net` and their sums, from one pass of the example `x` `[T, N, C, H, W]`.

    The pass leaves no trace: evaluation mode and no gradient while it runs, mode and neuron states restored after it.
    """
    rows = _rows(net, x)
    cells = [("layer", "kind", "output", "parameters", "neurons")]
    cells += [(*row[:3], f"{row.parameters:,}", f"{row.neurons:,}" if row.neurons else "") for row in rows]
    total = sum(p.numel() for p in net.parameters())
    cells.append(("total", "", "", f"{total:,}", f"{sum(row.neurons for row in rows):,}"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            f"{cell:<{w}}" if i < 3 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _rows(net: nn.Module, x: Tensor) -> list[Row]:
    rows: list[Row] = []
    leaves = {name: module for name, module in net.named_modules() if not list(module.children())}

    def hook(name: str) -> Any:
        def add(module: nn.Module, inputs: Any, output: Tensor) -> None:
            rows.append(_row(name, module, output))

        return add

    handles = [module.register_forward_hook(hook(name)) for name, module in leaves.items()]
    training = net.training
    try:
        with torch.no_grad():
            net.eval()(x)
    finally:
        for handle in handles:
            handle.remove()
        net.train(training)
        reset_net(net)
    return rows


def _row(name: str, module: nn.Module, output: Tensor) -> Row:
    spiking = isinstance(module, BaseNode)
    # A stateless layer sees time folded into the batch.
    shape = output.shape[2 if spiking or isinstance(module, OverTime) else 1 :]
    return Row(
        name,
        type(module).__name__,
        "x".join(map(str, shape)),
        sum(p.numel() for p in module.parameters()),
        shape.numel() if spiking else 0,
    )
