"""Normalisations of spiking networks."""

from __future__ import annotations

from torch import Tensor, nn

from snntrain.neuron import BaseNode


class TdBatchNorm2d(nn.BatchNorm2d):
    """Threshold-dependent batch normalisation over batch and time (Zheng et al., AAAI 2021).

    At the start its output has the standard deviation `alpha * v_threshold`. A `TimeSequential` passes all steps as one
    batch.

    Args:
        num_features: number of channels.
        v_threshold: threshold of the neurons that follow.
        alpha: share of the threshold; 1, or 1/√2 where two branches are added.
        others: as in `nn.BatchNorm2d`.
    """

    def __init__(
        self, num_features: int, v_threshold: float = 1.0, alpha: float = 1.0, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        self.start = alpha * v_threshold
        super().__init__(num_features, eps, momentum)

    def reset_parameters(self) -> None:
        """Set the statistics to 0 and 1, the weight to `alpha * v_threshold`, and the bias to 0."""
        super().reset_parameters()
        nn.init.constant_(self.weight, self.start)


def threshold_of(node: BaseNode) -> float:
    """Return the threshold of a layer of neurons as a number, the mean of thresholds that are learnt one by one."""
    threshold = node.v_threshold
    return threshold.detach().mean().item() if isinstance(threshold, Tensor) else threshold
