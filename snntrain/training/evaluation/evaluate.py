"""Loss, accuracy and confusion matrix of a network over a set of images."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snntrain.network.readout import Readout
from snntrain.neuron import reset_net
from snntrain.training.job.build import Model
from snntrain.training.job.precision import Precision
from snntrain.training.job.repeatable import repeatable_draws


@dataclass(frozen=True)
class Metrics:
    """What a network comes to over a set of images.

    Args:
        loss: mean over the images.
        accuracy: share of the images that are classified right, in [0, 1].
        confusion: counts, `[true class, predicted class]`.
        ties: images for which several classes share the greatest output; the first of these is the predicted one.
    """

    loss: float
    accuracy: float
    confusion: Tensor
    ties: int


def tied(metrics: Metrics) -> str:
    """The ties, and what becomes of them, in a few words."""
    images = int(metrics.confusion.sum())
    return f"{metrics.ties:,} of {images:,} are tied: several classes share the greatest output; the first is taken"


class Tally:
    """Sums loss, confusion matrix and ties on the device; the host waits for them only at `metrics()`.

    Args:
        classes: number of classes.
        device: of the batches.
        readout: decides the class of each image.
        finite_only: leave batches out of the mean loss whose loss is not finite, as training leaves out their steps;
            where all are such, so is the mean.
    """

    def __init__(self, classes: int, device: torch.device, readout: Readout, *, finite_only: bool = False) -> None:
        # The sum of all losses; of those that are finite; how many images these are of.
        self.loss = torch.zeros(3, dtype=torch.float64, device=device)
        self.confusion = torch.zeros(classes * classes, dtype=torch.int64, device=device)
        self.ties = torch.zeros((), dtype=torch.int64, device=device)
        self.classes = classes
        self.readout = readout
        self.finite_only = finite_only

    def add(self, loss: Tensor, spikes: Tensor, labels: Tensor) -> None:
        """Counts a batch: its mean loss, its output spikes `[T, N, classes]`, its labels `[N]`."""
        loss = loss.detach().double()
        finite = loss.isfinite()
        self.loss += torch.stack([loss, torch.where(finite, loss, 0.0), finite.double()]) * len(labels)
        decision = self.readout.decide(spikes)
        self.confusion.index_add_(0, labels * self.classes + decision.classes, torch.ones_like(labels))
        self.ties += decision.tied.sum()

    def images(self) -> int:
        """How many have been counted."""
        return int(self.confusion.sum())

    def clear(self) -> None:
        """Forgets them."""
        for sums in self.sums().values():
            sums.zero_()

    def sums(self) -> dict[str, Tensor]:
        """What it has summed, by name."""
        return {"loss": self.loss, "confusion": self.confusion, "ties": self.ties}

    def metrics(self) -> Metrics:
        """The means so far."""
        confusion = self.confusion.view(self.classes, self.classes).to("cpu", copy=True)
        images = max(1, int(confusion.sum()))
        total, finite, finite_images = self.loss.tolist()
        loss = finite / finite_images if self.finite_only and finite_images else total / images
        return Metrics(loss, confusion.trace().item() / images, confusion, int(self.ties))


@torch.no_grad()
def evaluate(
    net: Model,
    loss_function: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    classes: int,
    precision: Precision,
) -> Metrics:
    """Runs `net` over all `batches` in evaluation mode, which it is left in.

    An encoder that draws random numbers draws the same each time: the figures are those of the weights, and of how
    the images are cut into batches.
    """
    net.eval()
    tally = Tally(classes, precision.device, net.readout)
    with repeatable_draws(precision.device):
        for images, labels in batches:
            with precision.autocast():
                spikes = net(images)
                loss = loss_function(spikes, labels)
            reset_net(net)
            tally.add(loss, spikes, labels)
    return tally.metrics()
