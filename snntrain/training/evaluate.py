"""Loss, accuracy and confusion matrix of a network over a set of images."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snntrain.neuron import reset_net
from snntrain.training.precision import Precision
from snntrain.training.runtime import repeatable_draws


@dataclass(frozen=True)
class Metrics:
    """Means over a set: `loss`, `accuracy` in [0, 1]; `confusion` counts, `[true class, predicted class]`."""

    loss: float
    accuracy: float
    confusion: Tensor


class Tally:
    """Sums loss and confusion matrix on the device; the host waits for them only at `metrics()`.

    Args:
        classes: number of classes.
        device: of the batches.
        finite_only: leave batches out of the mean loss whose loss is not finite, as training leaves out their steps;
            where all are such, so is the mean.
    """

    def __init__(self, classes: int, device: torch.device, *, finite_only: bool = False) -> None:
        # The sum of all losses; of those that are finite; how many images these are of.
        self.loss = torch.zeros(3, dtype=torch.float64, device=device)
        self.confusion = torch.zeros(classes * classes, dtype=torch.int64, device=device)
        self.classes = classes
        self.finite_only = finite_only

    def add(self, loss: Tensor, spikes: Tensor, labels: Tensor) -> None:
        """Counts a batch: its mean loss, its output spikes `[T, N, classes]`, its labels `[N]`."""
        loss = loss.detach().double()
        finite = loss.isfinite()
        self.loss += torch.stack([loss, torch.where(finite, loss, 0.0), finite.double()]) * len(labels)
        predicted = spikes.detach().float().mean(0).argmax(1)
        self.confusion.index_add_(0, labels * self.classes + predicted, torch.ones_like(labels))

    def images(self) -> int:
        """How many have been counted."""
        return int(self.confusion.sum())

    def clear(self) -> None:
        """Forgets them."""
        for sums in self.sums().values():
            sums.zero_()

    def sums(self) -> dict[str, Tensor]:
        """What it has summed, by name."""
        return {"loss": self.loss, "confusion": self.confusion}

    def metrics(self) -> Metrics:
        """The means so far."""
        confusion = self.confusion.view(self.classes, self.classes).to("cpu", copy=True)
        images = max(1, int(confusion.sum()))
        total, finite, finite_images = self.loss.tolist()
        loss = finite / finite_images if self.finite_only and finite_images else total / images
        return Metrics(loss, confusion.trace().item() / images, confusion)


@torch.no_grad()
def evaluate(
    net: nn.Module,
    loss_function: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    classes: int,
    precision: Precision,
) -> Metrics:
    """Runs `net` (encoder included) over all `batches` in evaluation mode, which it is left in.

    An encoder that draws random numbers draws the same each time: the figures are those of the weights, and of how
    the images are cut into batches.
    """
    net.eval()
    tally = Tally(classes, precision.device)
    with repeatable_draws(precision.device):
        for images, labels in batches:
            with precision.autocast():
                spikes = net(images)
                loss = loss_function(spikes, labels)
            reset_net(net)
            tally.add(loss, spikes, labels)
    return tally.metrics()
