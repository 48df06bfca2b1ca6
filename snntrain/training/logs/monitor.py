"""A watch on the neurons of a run: the same few validation images after every epoch, with the evaluated weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from snntrain.data.batch import Batch
from snntrain.data.batches import Batches
from snntrain.data.dataset import some_of
from snntrain.inspect.potentials import Histogram, histogram, share_in_window
from snntrain.inspect.probe import matching_layers
from snntrain.inspect.recording import Probes
from snntrain.inspect.samples import sample_indices
from snntrain.network.readout import valid_values
from snntrain.neuron import stateful_layers
from snntrain.training.evaluation.look import as_probes, watch_job
from snntrain.training.job.build import Job


@dataclass(frozen=True)
class Seen:
    """The result of one look at the neurons, by the name of the layer.

    Args:
        in_window: share of potentials at which the surrogate passes a gradient.
        distances: histogram of the potentials' distances from the threshold; layers without finite distances are left
            out.
        probes: for pictures; None if none are drawn.
    """

    in_window: Mapping[str, float]
    distances: Mapping[str, Histogram]
    probes: Probes | None


class Monitor:
    """A look at the neurons of a job, as `job.config.monitor` describes.

    Raises:
        UserError: `monitor.layers` names a layer that the network does not have, or that has no neurons.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.layers = matching_layers(job.model.network, job.config.monitor.layers, "monitor.layers")
        self.batch = probe_batch(job)

    def draws(self, epoch: int, last: bool) -> bool:
        """Return whether pictures are drawn for this epoch."""
        return epoch == 1 or last or epoch % self.job.config.monitor.every == 0

    @torch.no_grad()
    def look(self, drawn: bool) -> Seen:
        """Run the network on the probes.

        Args:
            drawn: whether pictures are drawn; all recordings are copied to the host for them.
        """
        output, trajectories = watch_job(self.job, self.batch.x, self.layers)
        nodes = dict(stateful_layers(self.job.evaluated.network))
        in_window, distances = {}, {}
        for name, trajectory in trajectories.items():
            if not nodes[name].spiking:
                continue
            distance = trajectory.h - trajectory.more.get("threshold", nodes[name].threshold())
            distance = valid_values(distance, self.batch.lengths)
            in_window[name] = share_in_window(distance, nodes[name].surrogate_function)
            if (counted := histogram(distance)) is not None:
                distances[name] = counted
        probes = as_probes(self.job, self.batch, output, trajectories) if drawn else None
        return Seen(in_window, distances, probes)


def probe_batch(job: Job) -> Batch:
    """Return the validation images for the monitor."""
    split = job.data.validation
    chosen = sample_indices(split.labels, job.config.monitor.samples, job.config.seed)
    batches = Batches(some_of(split, chosen), batch_size=len(chosen), scale=job.data.scale, device=job.world.device)
    return next(batches.epoch())
