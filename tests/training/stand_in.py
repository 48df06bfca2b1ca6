"""A stand-in for CUDA graphs on a CPU: a step is recorded as operations of PyTorch and replayed.

As on a GPU, a recording changes nothing, and the host breaks it by reading a number meanwhile. Unlike on a GPU, the
operations do run while they are recorded; all memory and random numbers that they changed are restored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from snntrain.training.job import devices

READS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default, torch.ops.aten.is_nonzero.default}


class Recorded:
    """Operations in their order, each with its inputs and outputs."""

    def __init__(self) -> None:
        self.operations: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        with torch.no_grad():
            for function, args, kwargs, given in self.operations:
                old = {storage(tensor) for tensor in tensors((args, kwargs))}
                for mine, new in zip(tensors(given), tensors(function(*args, **kwargs)), strict=True):
                    # An output in the memory of an input is there already.
                    if storage(mine) not in old:
                        mine.copy_(new)


class _Writing(TorchDispatchMode):
    """A mode that records operations; `before` holds the content of all memory that existed at the start."""

    def __init__(self, recorded: Recorded, fails_at: int | None) -> None:
        super().__init__()
        self.recorded, self.fails_at = recorded, fails_at
        self.before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self.own: list[Any] = []
        self.made: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in READS:
            raise RuntimeError("operation not permitted when stream is capturing")
        if len(self.recorded.operations) == self.fails_at:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        for tensor in tensors((args, kwargs)):
            if storage(tensor) not in self.made and storage(tensor) not in self.before:
                memory = tensor.untyped_storage()
                self.before[storage(tensor)] = memory, memory.clone()
        given = function(*args, **kwargs)
        known = self.before.keys()
        self.made |= {storage(tensor) for tensor in tensors(given)} - known
        self.recorded.operations.append((function, args, kwargs, given))
        return given

    def put_back(self) -> None:
        for memory, content in self.before.values():
            memory.copy_(content)


class Counting(TorchDispatchMode):
    """A mode that collects the names of the operations in its block, except views."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = function(*args, **(kwargs or {}))
        known = {storage(tensor) for tensor in tensors(args)} if not function._schema.is_mutable else set()
        if any(storage(tensor) not in known for tensor in tensors(given)):
            self.names.append(function._schema.name)
        return given


class StandIn:
    """A `Recorder` on a CPU.

    Args:
        fails_at: the operation at which memory runs out, or None.
        empty: nothing is recorded, as when a graph is recorded on another GPU than the step runs on.
    """

    def __init__(self, fails_at: int | None = None, *, empty: bool = False) -> None:
        self.fails_at, self.empty = fails_at, empty
        self.recordings: list[Recorded] = []

    def launch(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None]) -> Recorded:
        recorded, state = Recorded(), torch.get_rng_state()
        writing = _Writing(recorded, self.fails_at)
        try:
            with writing:
                work()
        finally:
            writing.put_back()
            torch.set_rng_state(state)
        self.recordings.append(Recorded() if self.empty else recorded)
        return self.recordings[-1]


@pytest.fixture
def device_decides(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the host treat the CPU's numbers as those of a device that it would have to wait for."""
    monkeypatch.setattr(devices, "host_decides", lambda device: False)
    return


def tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata
