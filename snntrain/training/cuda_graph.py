"""A training step recorded once as a CUDA graph and replayed: to launch the kernels of a small network one by one takes
the host longer than the GPU takes to run them.

The step must be the same work every time: fixed shapes, no number that the host reads or decides on the way. What does
change between steps lies in memory that is written before a replay: images, labels, the learning rate.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from snntrain.training.bad_steps import takes_found_inf

log = logging.getLogger("snntrain")

# Steps before the recording, in which the optimizer and the libraries make what they keep.
WARM_UP = 3

# From images and labels to loss and output spikes.
Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def can_be_recorded(optimizer: Optimizer, scheduler: LRScheduler) -> bool:
    """Whether a step of the optimizer reads all that changes from the GPU, and whether it is left out, too.

    A schedule of the momentum it would not.
    """
    return isinstance(optimizer, SGD | Adam) and takes_found_inf(optimizer) and not isinstance(scheduler, OneCycleLR)


class GraphedStep:
    """Calls `step` the first few times, then records it, and replays the recording from there on.

    A batch of another shape, as the last one of an epoch, is done by `step` itself; so are all, with a warning, where
    the recording fails.

    Args:
        step: forward, backward, and a move of the weights by `optimizer`.
        optimizer: its learning rates are moved into the GPU's memory.
        device: the GPU.
        ready: whether the host decides nothing any more.
    """

    def __init__(
        self, step: Step, optimizer: Optimizer, device: torch.device, ready: Callable[[], bool] = lambda: True
    ) -> None:
        self.step, self.device, self.ready = step, device, ready
        self.calls = 0
        self.failed = False
        self.graph: torch.cuda.CUDAGraph | None = None
        # Autograd remembers the stream of its first use, and the default one cannot be recorded.
        self.side = torch.cuda.Stream(device)
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(float(group["lr"]), device=device)
            if "capturable" in group:
                group["capturable"] = True

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and output spikes, which the next call may overwrite."""
        self.calls += 1
        if self.graph is None and self.calls > WARM_UP and not self.failed and self.ready():
            self._record(images, labels)
        if self.graph is None or images.shape != self.images.shape:
            return self._launch(images, labels)
        self.images.copy_(images)
        self.labels.copy_(labels)
        self.graph.replay()
        return self.loss, self.spikes

    def _record(self, images: Tensor, labels: Tensor) -> None:
        """Records the step on copies of the batch, without running it."""
        self.images, self.labels = images.clone(), labels.clone()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self.loss, self.spikes = self.step(self.images, self.labels)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self.failed = True
            log.warning("steps are launched kernel by kernel: recording one failed: %s", str(error).partition("\n")[0])
            return
        self.graph = graph

    def _launch(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The step itself, on the stream beside the default one."""
        self.side.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.side):
            result = self.step(images, labels)
        torch.cuda.current_stream(self.device).wait_stream(self.side)
        return result
