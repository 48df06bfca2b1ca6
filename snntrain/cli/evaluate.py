"""`snntrain eval run=<folder>`: how good a finished run is, class by class, how much its layers fire and cost."""

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
lie in the --config-dir. What a run was allowed by allow_targets has to be allowed again."""


def command(argv: Sequence[str]) -> None:
    """Runs `snntrain eval` with the arguments `argv`.

    Raises:
        UserError: arguments that cannot be used, a damaged checkpoint, or one that does not fit the overrides.
        RunFailed: there is not memory enough for it.
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
        f"T={job.config.T}\n\n"
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
    """Counts as text, a row a true class and a column a predicted one; `confusion`: `[classes, classes]`."""
    rows = confusion.tolist()
    width = max(len(str(max(map(max, rows)))), *(len(name) for name in class_names)) + 2
    head = "".join(f"{name:>{width}}" for name in class_names)
    lines = [
        f"{name:>{width}}" + "".join(f"{count:>{width}}" for count in row)
        for name, row in zip(class_names, rows, strict=True)
    ]
    return "\n".join(["confusion matrix: a row a true class, a column a predicted class", " " * width + head, *lines])


def rate_table(rates: dict[str, float]) -> str:
    """The mean firing rate of each spiking layer, in spikes a neuron and time step."""
    width = max(map(len, rates), default=0)
    return "\n".join(
        [
            "firing rate (spikes a neuron and time step)",
            *(f"  {name:<{width}}  {rate:.4f}" for name, rate in rates.items()),
        ]
    )
