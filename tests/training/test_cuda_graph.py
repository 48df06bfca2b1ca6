"""The state of PyTorch after a failed recording, with a stand-in for torch.cuda, because a CPU has no such state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from snntrain.training.step.cuda_graph import CudaGraphs

DEVICE = torch.device("cuda:1")


class Cuda:
    """A GPU's state in PyTorch, as far as a recording changes it.

    Args:
        breaks: ending a recording raises, as after an operation that cannot be recorded.
    """

    def __init__(self, breaks: bool = False) -> None:
        self.breaks = breaks
        self.stream, self.random = "default", "outside"
        self.pools: set[tuple[int, int]] = set()
        self.taking: set[tuple[int, int]] = set()
        self.recorded_on: list[tuple[Any, torch.device]] = []
        self.device = torch.device("cuda:0")

    def install(self, patch: pytest.MonkeyPatch) -> None:
        generator = SimpleNamespace(
            clone_state=lambda: self.random,
            graphsafe_set_state=lambda state: setattr(self, "random", state),
        )
        for name, value in {
            "Stream": lambda device: SimpleNamespace(device=device),
            "CUDAGraph": lambda: Graph(self),
            "graph": self.graph,
            "graph_pool_handle": lambda: (0, 7),
            "device": self.on,
            "current_stream": lambda device=None: self.stream,
            "set_stream": lambda stream: setattr(self, "stream", stream),
            "stream": lambda stream: nullcontext(),
            "default_generators": [None, generator],
            "empty_cache": lambda: None,
        }.items():
            patch.setattr(torch.cuda, name, value)
        patch.setattr(torch._C, "_cuda_endAllocateToPool", self.end, raising=False)
        patch.setattr(torch._C, "_cuda_releasePool", self.release, raising=False)

    @contextmanager
    def on(self, device: torch.device) -> Iterator[None]:
        before, self.device = self.device, device
        try:
            yield
        finally:
            self.device = before

    @contextmanager
    def graph(self, graph: Graph, pool: tuple[int, int], stream: Any, capture_error_mode: str) -> Iterator[None]:
        before, self.stream, self.random = self.stream, stream, "recording"
        self.recorded_on.append((stream, self.device))
        graph.own = pool
        self.pools.add(pool)
        self.taking.add(pool)
        try:
            yield
        finally:
            # As in torch.cuda.graph: nothing after a failed end is reached.
            if self.breaks:
                raise RuntimeError("operation failed due to a previous error during capture")
            self.taking.remove(pool)
            self.random = "outside"
            graph.ended = True
            self.stream = before

    def end(self, device: int, pool: tuple[int, int]) -> None:
        if pool not in self.taking:
            raise RuntimeError("not currently recording to mempool_id")
        self.taking.remove(pool)

    def release(self, device: int, pool: tuple[int, int]) -> None:
        self.pools.remove(pool)

    def __eq__(self, other: object) -> bool:
        names = ("stream", "random", "pools", "taking", "device")
        return all(getattr(self, name) == getattr(other, name) for name in names)


class Graph:
    def __init__(self, cuda: Cuda) -> None:
        self.cuda, self.ended, self.own = cuda, False, (0, 0)

    def pool(self) -> tuple[int, int]:
        if not self.ended:
            raise RuntimeError("Called CUDAGraph::pool() without a preceding successful capture.")
        return self.own

    def reset(self) -> None:
        if self.ended:
            self.cuda.release(1, self.own)


def failing(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize("breaks", [False, True], ids=["ends", "cannot-even-end"])
@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("none left"), ValueError("no"), KeyboardInterrupt()], ids=repr
)
def test_a_recording_that_fails_leaves_pytorch_as_it_was(
    error: BaseException, breaks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = Cuda(breaks)
    cuda.install(monkeypatch)
    with pytest.raises(type(error)) as raised:
        CudaGraphs(DEVICE).record(failing(error))
    # It is not the error that the end of the recording raises in turn.
    assert raised.value is error
    assert cuda == Cuda()


def test_work_that_breaks_a_recording_without_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda(breaks=True)
    cuda.install(monkeypatch)
    with pytest.raises(RuntimeError, match="previous error during capture"):
        CudaGraphs(DEVICE).record(lambda: None)
    assert cuda == Cuda()


def test_a_recording_is_made_on_a_stream_of_its_gpu_not_of_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda()
    cuda.install(monkeypatch)
    graphs = CudaGraphs(DEVICE)
    graph = graphs.record(lambda: None)
    assert cuda.recorded_on == [(graphs.side, DEVICE)]
    assert graphs.side.device == DEVICE
    assert graph.pool() in cuda.pools
    assert (cuda.stream, cuda.random, cuda.device.index) == ("default", "outside", 0)
