"""What a job's evaluated network does with a few images."""

from torch import Tensor

from snntrain.inspect.probe import record
from snntrain.inspect.recording import Probes
from snntrain.training.build import Job
from snntrain.training.runtime import repeatable_draws


def look(job: Job, images: Tensor, labels: Tensor) -> Probes:
    """Recordings and output of every layer, which an encoder shows the images the same way each time.

    Args:
        job: whose network is run, in evaluation mode.
        images: intensities `[N, C, H, W]`, or sequences `[T, N, C, H, W]`, which are shown as their mean.
        labels: true classes `[N]`.
    """
    outputs: list[Tensor] = []
    with repeatable_draws(job.runtime.device), job.precision.autocast():
        recordings = record(job.evaluated.network, lambda: outputs.append(job.evaluated(images)))
    shown = images.mean(0) if images.ndim == 5 else images
    return Probes(
        images=shown.float().cpu().numpy(),
        labels=labels.tolist(),
        class_names=job.data.class_names,
        recordings=recordings,
        output=outputs[0].float().cpu().numpy(),
    )
