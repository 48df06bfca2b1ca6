"""Each kernel of a GPU alone, compared with a copy: with its own blocks and groups, then with others.

    python -m benchmarks.gpu_kernels [--device cuda] [--shape 256x16384] [--seconds 60]

README.md in this folder explains the columns. On a CPU the neurons' kernels run in Triton's interpreter, to check that
everything runs.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import machine
from benchmarks.layers import copying
from benchmarks.report import Row, Section, show, write
from benchmarks.timing import Action, alternate

STEPS = (4, 8, 16, 32)
BLOCKS, GROUPS = (128, 256, 512, 1024), (2, 4, 8)
COPY = "copy"


@dataclass(frozen=True)
class Kernel:
    """A kernel on given memory.

    Args:
        name: its name in the table.
        way: `forward` or `backward`, with sizes that may be changed; '' for pooling.
        action: a function that launches it.
        moved: bytes that it must read and write.
    """

    name: str
    way: str
    action: Action
    moved: int


def main(argv: list[str] | None = None) -> None:
    settings = _parse(argv)
    device = torch.device(settings.device)
    if device.type == "cpu":
        # Before the kernels are imported.
        os.environ["TRITON_INTERPRET"] = "1"
        os.environ["SNNTRAIN_EXECUTOR"] = "cuda"
    until = time.monotonic() + settings.seconds
    found: list[Section] = []
    for title, kernels, sizes in _tables(settings, device):
        if time.monotonic() > until:
            print(f"\n{title}: not measured, {settings.seconds} s are over")
            continue
        section = _measured(title, kernels, sizes, settings, device, until)
        show(section)
        found.append(section)
    folder = settings.out or machine.results_folder(device)
    write("gpu_kernels", folder, machine.describe(device), vars(settings), found)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_kernels", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--shape", default="256x16384", help="neurons a step")
    parser.add_argument("--seconds", type=float, default=60, help="after which nothing more is begun")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--quick", action="store_true", help="small and few, to see that everything runs")
    parser.add_argument("--out", type=Path, help="folder; default benchmarks/results/<date>-<device name>")
    settings = parser.parse_args(argv)
    if settings.quick:
        settings.shape, settings.repeats = "2x16", 1
    settings.shape = tuple(int(size) for size in settings.shape.split("x"))
    return settings


# ---- the kernels -----------------------------------------------------------------------------------------------------

Sizes = tuple[int, int] | None
Table = tuple[str, list[Kernel], list[Sizes]]


def _tables(settings: argparse.Namespace, device: torch.device) -> Iterator[Table]:
    """Yield titles, kernels and sizes to try, the most important first. A table's memory lasts while it is measured."""
    half, single = torch.bfloat16, torch.float32
    as_launched: list[Sizes] = [None]
    blocks, groups = (BLOCKS[:1], GROUPS[:1]) if settings.quick else (BLOCKS, GROUPS)
    others: list[Sizes] = [None, *((block, group) for block in blocks for group in groups)]
    for T in STEPS[:2]:
        yield _title(T, half), [*_neurons(settings, T, half, device)], as_launched
    yield "pooling, bfloat16", [*_pooling(settings, half, device)], as_launched
    for T in STEPS[1::-1]:
        kernels = {kernel.name: kernel for kernel in _neurons(settings, T, half, device, kinds=("plif",))}
        for name in ("plif backward", "plif forward"):
            yield f"{name}, {_title(T, half)}, other sizes", [kernels[name]], others
    for T, dtype in ((STEPS[2], half), (STEPS[3], half), (STEPS[0], single), (STEPS[1], single)):
        yield _title(T, dtype), [*_neurons(settings, T, dtype, device)], as_launched
    yield "pooling, float32", [*_pooling(settings, single, device)], as_launched


def _title(T: int, dtype: torch.dtype) -> str:
    return f"T={T}, {str(dtype).removeprefix('torch.')}"


def _neurons(
    settings: argparse.Namespace,
    T: int,
    dtype: torch.dtype,
    device: torch.device,
    kinds: Sequence[str] = ("lif", "plif", "rif"),
) -> Iterator[Kernel]:
    """Return forward and backward of fixed and learnt neurons on a current `[T, N, M]`."""
    generator = torch.Generator(device).manual_seed(0)
    x = (2 * torch.rand(T, *settings.shape, generator=generator, device=device)).to(dtype)
    grad = torch.randn(T, *settings.shape, generator=generator, device=device).to(dtype)
    nodes = _nodes()
    for kind in kinds:
        node = nodes[kind].to(device)
        yield _forward(kind, node, x)
        yield _backward(kind, node, x, grad)


def _nodes() -> dict[str, Any]:
    from snntrain.neuron import LIFNode, PLIFNode, RIFNode, surrogate

    common = {"surrogate_function": surrogate.ATan(), "detach_reset": True, "v_reset": 0.0, "step_mode": "m"}
    return {
        "lif": LIFNode(tau=2.0, **common),
        "plif": PLIFNode(init_tau=2.0, clamp="sigmoid", **common),
        "rif": RIFNode(**common),
    }


def _forward(kind: str, node: Any, x: Tensor) -> Kernel:
    def run() -> None:
        node.reset()
        with torch.no_grad():
            node(x)

    return Kernel(f"{kind} forward", "forward", run, 2 * x.nbytes)


def _backward(kind: str, node: Any, x: Tensor, grad: Tensor) -> Kernel:
    given = x.detach().requires_grad_()
    inputs = [given, *(p for p in node.parameters() if p.requires_grad)]
    node.reset()
    spikes = node(given)
    node.reset()

    def run() -> None:
        torch.autograd.grad(spikes, inputs, grad, retain_graph=True)

    return Kernel(f"{kind} backward", "backward", run, 3 * x.nbytes)


def _pooling(settings: argparse.Namespace, dtype: torch.dtype, device: torch.device) -> Iterator[Kernel]:
    """Return max pooling of 28x28 images in channels-last order, and its gradient."""
    from snntrain.network.csnn import MaxPool2x2

    images, channels = (2, 16) if settings.quick else (1024, 128)
    x = torch.randn(images, channels, 28, 28).to(device, dtype, memory_format=torch.channels_last)
    with _executor_of_the_device():
        given = x.detach().requires_grad_()
        pool = MaxPool2x2()
        pooled = pool(given)
        grad = torch.randn_like(pooled)

        def forward() -> None:
            with torch.no_grad(), _executor_of_the_device():
                pool(x)

        def backward() -> None:
            torch.autograd.grad(pooled, given, grad, retain_graph=True)

    # One byte per output holds the position of the maximum.
    yield Kernel("pooling forward", "", forward, x.nbytes + pooled.nbytes + pooled.numel())
    yield Kernel("pooling backward", "", backward, x.nbytes + pooled.nbytes + pooled.numel())


@contextmanager
def _executor_of_the_device() -> Iterator[None]:
    """Use the GPU's kernels of the neurons also on a CPU."""
    forced = os.environ.pop("SNNTRAIN_EXECUTOR", None)
    try:
        yield
    finally:
        if forced is not None:
            os.environ["SNNTRAIN_EXECUTOR"] = forced


# ---- measurement -----------------------------------------------------------------------------------------------------


def _measured(
    title: str,
    kernels: list[Kernel],
    sizes: list[Sizes],
    settings: argparse.Namespace,
    device: torch.device,
    until: float,
) -> Section:
    """Time kernels and a copy; a kernel that cannot be launched with some sizes gets the reason."""
    copied = 2**16 if settings.quick else 2**29
    actions: dict[str, Action] = {COPY: copying(device, copied)}
    moved = {COPY: 2 * copied}
    rows: list[Row] = []
    compiled: dict[str, float] = {}
    for kernel in kernels:
        for tried in sizes:
            name = kernel.name if tried is None else f"block {tried[0]}, group {tried[1]}"
            if time.monotonic() > until:
                rows.append({"name": name, "failed": f"{settings.seconds} s are over"})
                continue
            action = _launched(kernel, tried)
            started = time.perf_counter()
            try:
                action()
                _wait(device)
            except Exception as error:  # Too many registers, or a size that no kernel accepts.
                text = str(error)
                rows.append({"name": name, "failed": f"{type(error).__name__}: {text.splitlines()[0] if text else ''}"})
                continue
            compiled[name] = time.perf_counter() - started
            actions[name], moved[name] = action, kernel.moved
    times = alternate(actions, device, settings.repeats)
    bandwidth = moved[COPY] / times[COPY].median
    measured: list[Row] = [
        {
            "name": name,
            "ms": taken.median * 1e3,
            "±": taken.spread,
            "GB/s": moved[name] / taken.median / 1e9,
            "of copy": moved[name] / taken.median / bandwidth,
            "first call s": compiled.get(name, 0.0),
        }
        for name, taken in times.items()
    ]
    return Section(
        title, "of copy", measured + rows, "of copy: share of the copy's bandwidth on the bytes it must move"
    )


def _launched(kernel: Kernel, tried: Sizes) -> Action:
    """Return the kernel with its own sizes, or with these."""
    if tried is None:
        return kernel.action
    block, group = tried

    def run() -> None:
        with launched_with(kernel.way, block, group):
            kernel.action()

    return run


@contextmanager
def launched_with(way: str, block: int, group: int) -> Iterator[None]:
    """Launch with this block of neurons, and this group of steps that are loaded at once.

    The one place that knows the names in `snntrain.neuron.integrate_and_fire.cuda`.

    Raises:
        AttributeError: these names have changed.
    """
    from snntrain.neuron.integrate_and_fire import cuda

    if way == "forward":
        wanted: dict[str, Any] = {"WIDE": block // cuda.THREADS, "AHEAD": group}
    else:
        wanted = {"_backward_sizes": lambda T, bytes_each, learns: (min(group, T), block)}
    before = {name: getattr(cuda, name) for name in wanted}
    for name, value in wanted.items():
        setattr(cuda, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(cuda, name, value)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
