"""The evaluated network of a job on a few images, recorded layer by layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from snntrain.data.batch import Batch
from snntrain.inspect.probe import recording, watch
from snntrain.inspect.recording import Answers, Probes
from snntrain.network.readout import Readout, mean_over_time, without_padding
from snntrain.neuron import stateful_layers
from snntrain.neuron.integrate_and_fire import Trajectory
from snntrain.training.job.build import Job
from snntrain.training.job.repeatable import repeatable_draws


def look(job: Job, batch: Batch) -> Probes:
    """Run a job's evaluated network on a few images, and return recordings and output of every layer."""
    return as_probes(job, batch, *watch_job(job, batch.x))


def watch_job(job: Job, x: Tensor, layers: Collection[str] | None = None) -> tuple[Tensor, dict[str, Trajectory]]:
    """Run the evaluated network, and return its output and the trajectories of `layers` (None: all), on the device.

    An encoder draws the same random numbers each time.
    """
    with repeatable_draws(job.world.device), job.world.precision.autocast():
        return watch(job.evaluated.network, lambda: job.evaluated(x), layers)


def as_probes(job: Job, batch: Batch, output: Tensor, trajectories: Mapping[str, Trajectory]) -> Probes:
    """Copy the result of `watch_job` for a batch to the host."""
    nodes = dict(stateful_layers(job.evaluated.network))
    sequences = batch.x.float().cpu().numpy() if batch.is_sequence else None
    return Probes(
        images=_as_images(batch).float().cpu().numpy(),
        labels=batch.labels.tolist(),
        class_names=job.data.class_names,
        recordings={name: recording(nodes[name], trajectory) for name, trajectory in trajectories.items()},
        output=output.float().cpu().numpy(),
        answers=answers(job.evaluated.readout, output, batch.lengths),
        sequences=sequences,
        lengths=None if batch.lengths is None else batch.lengths.tolist(),
        scale=job.data.scale,
    )


def _as_images(batch: Batch) -> Tensor:
    """Return one image for each sample, `[N, C, H, W]`.

    Frames become their mean over time, and units a raster: a row for each unit, a column for each step.
    """
    if not batch.is_sequence:
        return batch.x
    if batch.x.ndim == 5:
        return mean_over_time(batch.x, batch.lengths)
    return without_padding(batch.x, batch.lengths).permute(1, 2, 0).unsqueeze(1)


def answers(readout: Readout, output: Tensor, lengths: Tensor | None = None) -> Answers:
    """Return the class of each image, on the host; arguments as in `Readout.decide`."""
    decision = readout.decide(output, lengths)
    name, course = readout.course(output.detach())
    return Answers(
        scores=decision.scores.double().cpu().numpy(),
        classes=decision.classes.tolist(),
        tied=decision.tied.tolist(),
        votes=readout.votes,
        meaning=readout.meaning,
        picture=readout.picture,
        course=None if course is output else course.float().cpu().numpy(),
        course_meaning=name,
    )
