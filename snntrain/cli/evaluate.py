"""`snntrain eval run=<folder>`: the accuracy of a finished run by class, and firing rate and cost of its layers."""

import sys
from collections.abc import Sequence

from torch import Tensor

from snntrain.cli.finished import asked_for
from snntrain.cost.count import Cost, not_counted
from snntrain.cost.table import cost_table
from snntrain.training.evaluation.evaluate import Metrics, tied
from snntrain.training.evaluation.on_test_images import metrics_on_test
from snntrain.training.job.out_of_memory import EVALUATION_OF_A_FINISHED_RUN, explained

HELP = """\
snntrain eval run=<folder>|latest [checkpoint=best|last] [group=option …] [key=value …] [--config-dir folder]

Evaluates a finished run on the test images: accuracy, confusion matrix, firing rate and cost of every layer.
Overrides change the run's own configuration, as in T=8 reset=soft trainer.device=cpu; options of your own
lie in the --config-dir. If a run needs allow_targets, give it again."""


def command(argv: Sequence[str]) -> None:
    """Run `snntrain eval`.

    Raises:
        UserError: arguments that cannot be used, a damaged checkpoint, or one that does not fit the overrides.
        RunFailed: there is not enough memory.
    """
    run = asked_for(argv, "eval", HELP)
    if run is None:
        return
    job = run.job
    network, images = job.evaluated.network, len(job.data.test)
    with explained(job.config, job.world, EVALUATION_OF_A_FINISHED_RUN), job.computing(), Cost(network) as cost:
        metrics = metrics_on_test(job)
    figures = cost.figures(images)
    sys.stdout.write(
        f"{run.checkpoint}, epoch {run.epoch}\n"
        f"{job.data.name}: {images:,} test images, {job.world.device_name}, {job.world.precision.name}, "
        f"T={job.steps}\n\n"
        f"{_figures(metrics)}\n\n{confusion_table(metrics.confusion, job.data.class_names)}\n\n"
        f"{rate_table(cost.rates.means())}\n\n{cost_table(figures, not_counted(figures, network))}\n"
    )


def _figures(metrics: Metrics) -> str:
    return (
        f"test accuracy {metrics.accuracy:.4f}\n"
        f"test loss     {metrics.loss:.4f}\n"
        f"test ties     {tied(metrics) if metrics.ties else 'none'}"
    )


def confusion_table(confusion: Tensor, class_names: Sequence[str]) -> str:
    """Return the counts as text, one row per true class and one column per predicted class.

    Args:
        confusion: counts `[classes, classes]`.
        class_names: names of the classes.
    """
    rows = confusion.tolist()
    width = max(len(str(max(map(max, rows)))), *(len(name) for name in class_names)) + 2
    head = "".join(f"{name:>{width}}" for name in class_names)
    lines = [
        f"{name:>{width}}" + "".join(f"{count:>{width}}" for count in row)
        for name, row in zip(class_names, rows, strict=True)
    ]
    return "\n".join(
        ["confusion matrix: one row per true class, one column per predicted class", " " * width + head, *lines]
    )


def rate_table(rates: dict[str, float]) -> str:
    """Return the mean firing rate of each spiking layer, in spikes per neuron and time step."""
    width = max(map(len, rates), default=0)
    return "\n".join(
        [
            "firing rate (spikes per neuron and time step)",
            *(f"  {name:<{width}}  {rate:.4f}" for name, rate in rates.items()),
        ]
    )
