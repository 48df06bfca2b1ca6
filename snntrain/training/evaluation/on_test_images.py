"""The metrics of the evaluated model on the test images."""

from __future__ import annotations

from tqdm import tqdm

from snntrain.signals import Stop
from snntrain.training.evaluation.evaluate import Metrics, evaluate
from snntrain.training.job.batches import batches
from snntrain.training.job.build import Job


def metrics_on_test(job: Job, stop: Stop | None = None) -> Metrics:
    """Return the metrics on the test images; on a terminal a bar shows how many are left.

    Args:
        job: the job with the evaluated model.
        stop: can end the evaluation between two batches.

    Raises:
        Stopped: a signal has arrived.
    """
    test = batches(job.config, job.data, job.data.test, job.world)
    bar = tqdm(
        test.epoch(),
        total=len(test),
        desc="test images",
        leave=False,
        # None: only on a terminal.
        disable=None if job.world.is_main else True,
        dynamic_ncols=True,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {remaining} left",
    )
    with bar:
        images = bar if stop is None else stop.between(bar)
        return evaluate(job.evaluated, job.loss, images, job.classes, job.world.precision, job.world.sum)
