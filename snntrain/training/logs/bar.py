"""The progress bar of an epoch, on a terminal."""

import sys
import time
from collections.abc import Iterable, Iterator

from tqdm import tqdm

from snntrain.data.batches import Draw
from snntrain.training.evaluation.evaluate import Tally

# Reading the loss makes the host wait for the device: do so no more often than this.
SECONDS_BETWEEN_READINGS = 0.5


def with_bar(batches: Iterable[Draw], done: int, count: int, title: str, tally: Tally) -> Iterator[Draw]:
    """Yield the batches, and show a bar with loss, accuracy, images/s and the time left.

    Args:
        batches: the rest of an epoch, as it is drawn.
        done: number of batches trained before.
        count: number of batches in the whole epoch.
        title: text in front of the bar.
        tally: sums over the batches so far.
    """
    bar = tqdm(
        total=count,
        initial=done,
        desc=title,
        leave=False,
        file=sys.stdout,
        disable=not sys.stdout.isatty(),
        dynamic_ncols=True,
        # The line fits into 80 columns; tqdm cuts off the rest.
        bar_format="{desc} {percentage:3.0f}%|{bar}| {remaining} left{postfix}",
    )
    started = read = time.monotonic()
    before = tally.images() if done else 0
    with bar:
        for batch in batches:
            yield batch
            bar.update()
            now = time.monotonic()
            if not bar.disable and now - read > SECONDS_BETWEEN_READINGS:
                read = now
                metrics = tally.metrics()
                speed = (int(metrics.confusion.sum()) - before) / (now - started)
                bar.set_postfix_str(f"loss {metrics.loss:.4f}, accuracy {metrics.accuracy:.4f}, {speed:,.0f} images/s")
