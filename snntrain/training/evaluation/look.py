"""What a job's evaluated network does with a few images."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from snntrain.inspect.probe import recording, watch
from snntrain.inspect.recording import Answers, Probes
from snntrain.network.readout import Readout
from snntrain.neuron import spiking_layers
from snntrain.neuron.integrate_and_fire import Trajectory
from snntrain.training.job.build import Job
from snntrain.training.job.repeatable import repeatable_draws


def look(job: Job, images: Tensor, labels: Tensor) -> Probes:
    """Recordings and output of every layer.

    Args:
        job: whose network is run, in evaluation mode.
        images: intensities `[N, C, H, W]`, or sequences `[T, N, C, H, W]`, which are shown as their mean.
        labels: true classes `[N]`.
    """
    return as_probes(job, images, labels, *watch_job(job, images))


def watch_job(job: Job, images: Tensor, layers: Collection[str] | None = None) -> tuple[Tensor, dict[str, Trajectory]]:
    """Output and trajectories of the layers (None: of all), on the device; an encoder draws the same each time."""
    with repeatable_draws(job.world.device), job.world.precision.autocast():
        return watch(job.evaluated.network, lambda: job.evaluated(images), layers)


def as_probes(
    job: Job, images: Tensor, labels: Tensor, output: Tensor, trajectories: Mapping[str, Trajectory]
) -> Probes:
    """All of it on the host, with what the images are; arguments as in `look` and as `watch_job` returns them."""
    nodes = dict(spiking_layers(job.evaluated.network))
    shown = images.mean(0) if images.ndim == 5 else images
    return Probes(
        images=shown.float().cpu().numpy(),
        labels=labels.tolist(),
        class_names=job.data.class_names,
        recordings={name: recording(nodes[name], trajectory) for name, trajectory in trajectories.items()},
        output=output.float().cpu().numpy(),
        answers=answers(job.evaluated.readout, output),
    )


def answers(readout: Readout, output: Tensor) -> Answers:
    """What an output `[T, N, classes]` says of each image, on the host."""
    decision = readout.decide(output)
    return Answers(
        scores=decision.scores.double().cpu().numpy(),
        classes=decision.classes.tolist(),
        tied=decision.tied.tolist(),
        votes=readout.votes,
    )
