"""Count the cost of a network while it runs over images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.cost.membranes import Membranes
from snntrain.cost.products import Products
from snntrain.cost.rates import FiringRates
from snntrain.cost.synapses import Synapses, can_be_counted
from snntrain.network.vision.attention import MatrixProduct
from snntrain.neuron import BaseNode

# Picojoules per float32 operation in 45 nm CMOS at 0.9 V: a multiplication is 3.7, an addition 0.9.
PJ_PER_MAC, PJ_PER_AC = 4.6, 0.9
ASSUMPTION = (
    f"Energy is assumed: {PJ_PER_MAC} pJ per MAC, {PJ_PER_AC} pJ per AC, float32 in 45 nm (Horowitz, ISSCC 2014); "
    "without memory and neurons."
)
# Layers whose weights fold into those of the layer before them.
FOLDED = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
SPIKING = ("spikes_per_image", "membrane_updates_per_image")
SYNAPTIC = (
    *("effective_macs_per_image", "effective_acs_per_image", "dense_operations_per_image"),
    "energy_nj_per_image",
)
SIZE = ("parameters", "parameter_bytes")

Figures = dict[str, Any]


class Cost:
    """The cost of `net`, counted while the block runs. The sums stay on the device, and all hooks are removed.

    Attributes:
        rates: the firing rates of the same pass.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.rates = FiringRates(net)
        self.layers = dict(_layers(net))
        self.synapses = {name: Synapses(layer) for name, layer in self.layers.items() if can_be_counted(layer)}
        self.products = {name: Products() for name, layer in self.layers.items() if isinstance(layer, MatrixProduct)}
        self.membranes = {name: Membranes(layer) for name, layer in self.layers.items() if isinstance(layer, BaseNode)}
        self._attached = ExitStack()

    def __enter__(self) -> Cost:
        self._attached.enter_context(self.rates)
        for synapses in self.synapses.values():
            self._attach(synapses.layer.register_forward_pre_hook(_synapse_hook(synapses), with_kwargs=True))
        for name, products in self.products.items():
            self._attach(self.layers[name].register_forward_pre_hook(_product_hook(products)))
        for membranes in self.membranes.values():
            before, after = _membrane_hooks(membranes)
            self._attach(membranes.layer.register_forward_pre_hook(before))
            self._attach(membranes.layer.register_forward_hook(after, with_kwargs=True))
        return self

    def _attach(self, handle: torch.utils.hooks.RemovableHandle) -> None:
        self._attached.callback(handle.remove)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._attached.close()

    def add_up(self, sum_over_all: Callable[[Tensor], Tensor]) -> None:
        """Add up the counts of all processes; `sum_over_all` adds up a tensor in place."""
        self.rates.add_up(sum_over_all)
        for synapses in self.synapses.values():
            synapses.add_up(sum_over_all)
        for products in self.products.values():
            products.add_up(sum_over_all)
        for membranes in self.membranes.values():
            membranes.add_up(sum_over_all)

    def figures(self, images: int) -> Figures:
        """Return the figures of all layers together, and under 'layers' the figures of each layer by name.

        Args:
            images: the number of images in the block.

        Returns:
            Means over images. The operations of a layer that cannot be counted are None, and so is any sum that
            includes them. 'parameters' and 'parameter_bytes' refer to the network.
        """
        layers = {name: self._of_layer(name, layer, images) for name, layer in self.layers.items()}
        sums = {key: _sum(figures.get(key, 0.0) for figures in layers.values()) for key in (*SPIKING, *SYNAPTIC)}
        return {**sums, **_size(list(self.net.parameters())), "layers": layers}

    def _of_layer(self, name: str, layer: nn.Module, images: int) -> Figures:
        size = _size(list(layer.parameters(recurse=_is_whole(layer))))
        if isinstance(layer, BaseNode):
            spikes, updates = SPIKING
            counts = {spikes: self._spikes(name) / images} if layer.spiking else {}
            return {**counts, updates: int(self.membranes[name].updates) / images, **size}
        if isinstance(layer, FOLDED):
            return size
        counter = self.synapses.get(name) or self.products.get(name)
        operations = None if counter is None else counter.operations()
        if operations is None:
            return {**dict.fromkeys(SYNAPTIC), **size}
        effective = operations.effective / images
        macs, acs = (0.0, effective) if operations.spiking else (effective, 0.0)
        energy = (PJ_PER_MAC * macs + PJ_PER_AC * acs) / 1000
        return {**dict(zip(SYNAPTIC, (macs, acs, operations.dense / images, energy), strict=True)), **size}

    def _spikes(self, name: str) -> float:
        """Return the number of spikes of a layer; 0 if it has not run."""
        return self.rates.spikes[name].sum().item() if name in self.rates.spikes else 0.0


def not_counted(figures: Figures, net: nn.Module) -> dict[str, str]:
    """Return the layers with unknown operations, by name, and their kinds."""
    unknown = (name for name, layer in figures["layers"].items() if layer.get(SYNAPTIC[0], 0.0) is None)
    return {name: type(net.get_submodule(name)).__name__ for name in unknown}


def _layers(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield by name neurons, layers whose operations can be counted, and other modules with parameters of their own."""
    whole = _is_whole(module)
    if whole or next(module.parameters(recurse=False), None) is not None:
        yield name, module
    if not whole:
        for key, child in module.named_children():
            yield from _layers(child, f"{name}.{key}" if name else key)


def _is_whole(layer: nn.Module) -> bool:
    """Return whether a module counts as one layer, whatever parts it has."""
    return isinstance(layer, BaseNode | MatrixProduct) or can_be_counted(layer)


def _synapse_hook(synapses: Synapses) -> Any:
    def add(layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        synapses.add(_input(given, named))

    return add


def _product_hook(products: Products) -> Any:
    def add(layer: nn.Module, given: tuple[Tensor, Tensor]) -> None:
        products.add(*given)

    return add


def _membrane_hooks(membranes: Membranes) -> tuple[Any, Any]:
    def before(layer: nn.Module, given: tuple[Any, ...]) -> None:
        membranes.before()

    def after(layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any], s: Tensor) -> None:
        membranes.after(_input(given, named), s)

    return before, after


def _input(given: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    """Return the first argument of a call."""
    x: Tensor = (*given, *named.values())[0]
    return x


def _size(parameters: list[nn.Parameter]) -> Figures:
    return {
        "parameters": sum(p.numel() for p in parameters),
        "parameter_bytes": sum(p.numel() * p.element_size() for p in parameters),
    }


def _sum(values: Iterator[float | None]) -> float | None:
    terms = list(values)
    return None if None in terms else float(sum(term for term in terms if term is not None))
