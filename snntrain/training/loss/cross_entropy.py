"""Cross entropies of the scores of a readout."""

import math

from torch import Tensor, nn

from snntrain.network.readout import Rate, Readout
from snntrain.training.loss.targets import checked_smoothing, cross_entropy, mean_of


class CE(nn.Module):
    """Cross entropy with the scores of the readout as logits.

    With `SumSoftmax` this is the cross entropy of the sum, as in the papers that use that readout: the softmax is
    applied again, to the sum.

    Args:
        scale: factor of the scores: firing rates in [0, 1] are too close together to serve as logits.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).

    Raises:
        ValueError: `scale` is not a positive number, or `label_smoothing` is outside [0, 1).
    """

    takes_probabilities = True

    def __init__(self, scale: float = 1.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not (scale > 0 and math.isfinite(scale)):
            raise ValueError(f"scale must be a positive number, not {scale}")
        self.scale = scale
        self.label_smoothing = checked_smoothing(label_smoothing)

    def scores(self, readout: Readout, output: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the logits before they are scaled."""
        return readout.scores(output, lengths)

    def forward(
        self,
        output: Tensor,
        labels: Tensor,
        lengths: Tensor | None = None,
        weights: Tensor | None = None,
        readout: Readout | None = None,
    ) -> Tensor:
        """Return the loss (float32 at least); arguments as in `snntrain.training.loss`, without a readout `Rate`."""
        logits = self.scale * self.scores(readout or Rate(), output, lengths)
        if weights is None:
            return cross_entropy(logits, labels, self.label_smoothing, "mean")
        return mean_of(cross_entropy(logits, labels, self.label_smoothing), weights)


class CERate(CE):
    """Cross entropy with firing rates as logits, or with the scores of another readout, see `Readout.rates`.

    Arguments and errors as in `CE`.
    """

    def __init__(self, scale: float = 10.0, label_smoothing: float = 0.0) -> None:
        super().__init__(scale, label_smoothing)

    def scores(self, readout: Readout, output: Tensor, lengths: Tensor | None) -> Tensor:
        return readout.rates(output, lengths)
