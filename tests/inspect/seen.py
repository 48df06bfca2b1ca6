"""Given answers of a network, for tests of pictures and files."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from snntrain.inspect.recording import Probes, Recording
from snntrain.network.readout import Rate
from snntrain.training.evaluation.look import answers


def probes_of(
    images: NDArray[Any],
    labels: Sequence[int],
    class_names: Sequence[str],
    recordings: Mapping[str, Recording],
    output: NDArray[Any],
    votes: int | None = 1,
) -> Probes:
    """Return probes with the answers that a readout with `votes` makes of the output `[T, N, classes]`."""
    said = answers(Rate(votes), torch.from_numpy(output))
    return Probes(images, labels, class_names, recordings, output, said)
