"""Loss, accuracy and confusion matrix of a network over a set of images."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snntrain.data.batch import Batch
from snntrain.data.padding import padded
from snntrain.data.share import computing
from snntrain.network.readout import Readout
from snntrain.neuron import reset_net
from snntrain.training.job.model import Model
from snntrain.training.job.precision import Precision
from snntrain.training.job.repeatable import repeatable_draws
from snntrain.training.loss import loss_of


@dataclass(frozen=True)
class Metrics:
    """The results of a network on a set of images.

    Args:
        loss: mean over the images.
        accuracy: share of the images that are classified correctly, in [0, 1].
        confusion: counts, `[true class, predicted class]`.
        ties: number of images whose greatest output is shared by several classes; the first of these is predicted.
    """

    loss: float
    accuracy: float
    confusion: Tensor
    ties: int


def tied(metrics: Metrics) -> str:
    """Return the number of ties and the rule that decides them, in words."""
    images = int(metrics.confusion.sum())
    return f"{metrics.ties:,} of {images:,} are tied: several classes share the greatest output; the first is taken"


class Tally:
    """The sums of loss, confusion matrix and ties on the device; the host waits for them only at `metrics()`.

    Not torchmetrics: its mean waits for a check for NaN, its confusion matrix uses `torch.bincount`, which reads the
    maximum on the host, and it has no ties.

    Args:
        classes: number of classes.
        device: device of the batches.
        readout: decides the class of each image.
        finite_only: leave batches with an infinite or NaN loss out of the mean loss, as training skips their steps; if
            every loss is infinite or NaN, the mean is too.
    """

    def __init__(self, classes: int, device: torch.device, readout: Readout, *, finite_only: bool = False) -> None:
        # The sum of all losses, the sum of the finite ones, and the number of their images.
        self.loss = torch.zeros(3, dtype=torch.float64, device=device)
        self.confusion = torch.zeros(classes * classes, dtype=torch.int64, device=device)
        self.ties = torch.zeros((), dtype=torch.int64, device=device)
        self.classes = classes
        self.readout = readout
        self.finite_only = finite_only

    def add(self, loss: Tensor, spikes: Tensor, batch: Batch) -> None:
        """Count a batch.

        Args:
            loss: mean loss of the batch.
            spikes: output for the batch, `[T, N, classes]`.
            batch: images and labels.
        """
        self.add_loss(loss, len(batch.labels))
        self.ties += self._count(self.confusion, spikes, batch)

    def add_loss(self, loss: Tensor, images: int) -> None:
        """Add the mean loss of some images."""
        loss = loss.detach().double()
        finite = loss.isfinite()
        self.loss += torch.stack([loss, torch.where(finite, loss, 0.0), finite.double()]) * images

    def counts(self, spikes: Tensor, batch: Batch) -> Tensor:
        """Return the confusion matrix of a batch, row by row, and behind it the number of ties; int64."""
        confusion = torch.zeros_like(self.confusion)
        ties = self._count(confusion, spikes, batch)
        return torch.cat([confusion, ties.unsqueeze(0)])

    def add_counts(self, counts: Tensor) -> None:
        """Add the result of `counts`."""
        self.confusion += counts[:-1]
        self.ties += counts[-1]

    def _count(self, confusion: Tensor, spikes: Tensor, batch: Batch) -> Tensor:
        """Add a batch to a confusion matrix, and return the number of ties."""
        decision = self.readout.decide(spikes, batch.lengths)
        confusion.index_add_(0, batch.labels * self.classes + decision.classes, torch.ones_like(batch.labels))
        return decision.tied.sum()

    def images(self) -> int:
        """Return the number of images so far; waits for the device."""
        return int(self.confusion.sum())

    def clear(self) -> None:
        """Set all sums to zero."""
        for sums in self.sums().values():
            sums.zero_()

    def sums(self) -> dict[str, Tensor]:
        """Return the sums, by name."""
        return {"loss": self.loss, "confusion": self.confusion, "ties": self.ties}

    def metrics(self) -> Metrics:
        """Return the means so far; waits for the device."""
        confusion = self.confusion.view(self.classes, self.classes).to("cpu", copy=True)
        images = max(1, int(confusion.sum()))
        total, finite, finite_images = self.loss.tolist()
        loss = finite / finite_images if self.finite_only and finite_images else total / images
        return Metrics(loss, confusion.trace().item() / images, confusion, int(self.ties))


@torch.no_grad()
def evaluate(
    net: Model,
    loss_function: nn.Module,
    batches: Iterable[Batch],
    classes: int,
    precision: Precision,
    sum_over_all: Callable[[Tensor], Tensor] | None = None,
) -> Metrics:
    """Evaluate `net` on all `batches`; it stays in evaluation mode.

    A random encoder draws the same numbers in each call: the metrics depend only on the weights and on the division of
    the images into batches.

    Args:
        net: encoder and network.
        loss_function: the loss.
        batches: the batches; each of several processes has its share of them.
        classes: number of classes.
        precision: device and format.
        sum_over_all: adds up a tensor over all processes, in place; None if there is only one.
    """
    net.eval()
    tally = Tally(classes, precision.device, net.readout)
    with repeatable_draws(precision.device):
        for batch in batches:
            with precision.autocast(), computing(batch.share), padded(batch.x, batch.lengths):
                spikes = net(batch.x)
                loss = loss_of(loss_function, spikes, batch, tally.readout)
            reset_net(net)
            # The loss of a share without rows is NaN.
            if len(batch.labels):
                tally.add(loss, spikes, batch)
    if sum_over_all is not None:
        for sums in tally.sums().values():
            sum_over_all(sums)
    return tally.metrics()
