"""What a run watches of its neurons: the same few validation images after every epoch, with the weights that count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from snntrain.data.batches import Batches
from snntrain.data.dataset import ImageTensors
from snntrain.inspect.potentials import Histogram, histogram, share_in_window
from snntrain.inspect.probe import choose_layers
from snntrain.inspect.recording import Probes
from snntrain.inspect.samples import choose_samples
from snntrain.neuron import spiking_layers
from snntrain.training.evaluation.look import as_probes, watch_job
from snntrain.training.job.build import Job


@dataclass(frozen=True)
class Seen:
    """What one look at the neurons came to, by the layer's name.

    Args:
        in_window: share of potentials at which a gradient passes the surrogate.
        distances: of the potentials from the threshold; without a layer that has no finite one.
        probes: all that is drawn; None where nothing is.
    """

    in_window: Mapping[str, float]
    distances: Mapping[str, Histogram]
    probes: Probes | None


class Monitor:
    """Looks at the neurons of a job, as `job.config.monitor` asks.

    Raises:
        UserError: `monitor.layers` names what is no spiking layer of the network.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.layers = choose_layers(job.model.network, job.config.monitor.layers, "monitor.layers")
        self.images, self.labels = probe_batch(job)

    def draws(self, epoch: int, last: bool) -> bool:
        """Whether there are pictures of this epoch, which may be the last."""
        return epoch == 1 or last or epoch % self.job.config.monitor.every == 0

    def look(self, drawn: bool) -> Seen:
        """Runs the probes once.

        Args:
            drawn: whether pictures are wanted, for which everything is copied to the host.
        """
        output, trajectories = watch_job(self.job, self.images, self.layers)
        nodes = dict(spiking_layers(self.job.evaluated.network))
        in_window, distances = {}, {}
        for name, trajectory in trajectories.items():
            distance = trajectory.h - nodes[name].v_threshold
            in_window[name] = share_in_window(distance, nodes[name].surrogate_function)
            if (counted := histogram(distance)) is not None:
                distances[name] = counted
        probes = as_probes(self.job, self.images, self.labels, output, trajectories) if drawn else None
        return Seen(in_window, distances, probes)


def probe_batch(job: Job) -> tuple[Tensor, Tensor]:
    """The validation images that are watched, as the model is given them, and their labels."""
    split = job.data.validation
    chosen = choose_samples(split.labels, job.config.monitor.samples, job.config.seed)
    probes = ImageTensors(torch.stack([split[index] for index in chosen]), split.labels[chosen])
    batches = Batches(probes, batch_size=len(chosen), scale=job.data.scale, device=job.world.device)
    return next(batches.epoch())
