"""CUDA graphs: GPU work that is recorded once and replayed by one launch.

A failed recording leaves parts of PyTorch in the middle of it: the current stream, the random generator, the memory
pools. `CudaGraphs.record` restores them, so that training can continue without a graph.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress

import torch


class CudaGraphs:
    """A recorder of work on one GPU, on a separate stream: the default stream cannot be recorded.

    Autograd remembers the stream of its first use, so the work runs on that stream from the first time on.

    Args:
        device: the GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self.side = torch.cuda.Stream(device)

    def launch(self, work: Callable[[], None]) -> None:
        """Run `work`, kernel by kernel."""
        before = torch.cuda.current_stream(self.side.device)
        self.side.wait_stream(before)
        with torch.cuda.stream(self.side):
            work()
        before.wait_stream(self.side)

    def record(self, work: Callable[[], None]) -> torch.cuda.CUDAGraph:
        """Record `work` without running it.

        Returns:
            The recording; its `replay()` runs the work on the current stream.

        Raises:
            Exception: the error of `work`, or a RuntimeError if it cannot be recorded. PyTorch is as before.
        """
        device = self.side.device
        failures: list[BaseException] = []
        with torch.cuda.device(device):
            graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
            stream, generator = torch.cuda.current_stream(), torch.cuda.default_generators[device.index]
            random_state = generator.clone_state()
            try:
                # Other threads may use the GPU meanwhile: one writes checkpoints.
                with torch.cuda.graph(graph, pool=pool, stream=self.side, capture_error_mode="thread_local"):
                    try:
                        work()
                    except BaseException as error:
                        failures.append(error)
                        raise
            except BaseException as error:
                torch.cuda.set_stream(stream)
                # Its state during the recording refuses to draw outside of a recording.
                generator.graphsafe_set_state(random_state)
                _give_back(graph, pool, device.index)
                # Ending a broken recording raises another error.
                raise (failures or [error])[0] from None
        return graph


def _give_back(graph: torch.cuda.CUDAGraph, pool: tuple[int, int], device: int) -> None:
    """Free the memory of a recording, even if the recording never ended."""
    try:
        graph.pool()
        ended = True
    except RuntimeError:
        ended = False
    graph.reset()
    if not ended:
        # The allocator raises if it no longer takes memory from this pool, or does not know the pool.
        for give_back in (torch._C._cuda_endAllocateToPool, torch._C._cuda_releasePool):
            with suppress(RuntimeError):
                give_back(device, pool)
    gc.collect()
    torch.cuda.empty_cache()
