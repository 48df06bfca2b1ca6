"""What a run watches of its neurons: the same few validation images after every epoch, with the weights that count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from snntrain.data.batches import Batches
from snntrain.data.dataset import ImageTensors
from snntrain.inspect.potentials import Histogram, histogram, share_in_window
from snntrain.inspect.probe import choose_layers, recording, watch
from snntrain.inspect.recording import Probes
from snntrain.inspect.samples import choose_samples
from snntrain.neuron import spiking_layers
from snntrain.neuron.recurrence import Trajectory
from snntrain.training.build import Job
from snntrain.training.runtime import repeatable_draws


@dataclass(frozen=True)
class Look:
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
    """Looks at the neurons of a job.

    Raises:
        UserError: `monitor.layers` names what is no spiking layer of the network.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.layers = choose_layers(job.model.network, job.config.monitor.layers)
        self.images, self.labels = probe_batch(job)

    def draws(self, epoch: int, last: bool) -> bool:
        """Whether there are pictures of this epoch."""
        return epoch == 1 or last or epoch % self.job.config.monitor.every == 0

    def look(self, drawn: bool) -> Look:
        """Runs the probes once, which an encoder shows the same way each time.

        Args:
            drawn: whether pictures are wanted, for which everything is copied to the host.
        """
        job = self.job
        with repeatable_draws(job.runtime.device), job.precision.autocast():
            output, trajectories = watch(job.evaluated.network, lambda: job.evaluated(self.images), self.layers)
        nodes = dict(spiking_layers(job.evaluated.network))
        in_window, distances = {}, {}
        for name, trajectory in trajectories.items():
            distance = trajectory.h - nodes[name].v_threshold
            in_window[name] = share_in_window(distance, nodes[name].surrogate_function)
            if (counted := histogram(distance)) is not None:
                distances[name] = counted
        return Look(in_window, distances, self._probes(output, trajectories) if drawn else None)

    def _probes(self, output: Tensor, trajectories: Mapping[str, Trajectory]) -> Probes:
        nodes = dict(spiking_layers(self.job.evaluated.network))
        # Of events all steps in one picture.
        images = self.images.amax(0) if self.images.ndim == 5 else self.images
        return Probes(
            images=images.cpu().numpy(),
            labels=self.labels.tolist(),
            class_names=self.job.data.class_names,
            recordings={name: recording(nodes[name], trajectory) for name, trajectory in trajectories.items()},
            output=output.float().cpu().numpy(),
        )


def probe_batch(job: Job) -> tuple[Tensor, Tensor]:
    """The validation images that are watched, as the model is given them, and their labels."""
    split = job.data.validation
    chosen = choose_samples(split.labels, job.config.monitor.samples, job.config.seed)
    probes = ImageTensors(torch.stack([split[index] for index in chosen]), split.labels[chosen])
    batches = Batches(probes, batch_size=len(chosen), scale=job.data.scale, device=job.runtime.device)
    return next(batches.epoch())
