"""The bar over an epoch's batches, on a terminal."""

import sys
import time
from collections.abc import Iterable, Iterator

from torch import Tensor
from tqdm import tqdm

from snntrain.training.evaluate import Tally

# Reading the loss makes the host wait for the device, so it is read this often only.
SECONDS_BETWEEN_READINGS = 0.5

Batch = tuple[Tensor, Tensor]


def progress(batches: Iterable[Batch], count: int, title: str, tally: Tally) -> Iterator[Batch]:
    """Passes `count` batches on, with a bar that shows loss, accuracy, images/s and the time left."""
    bar = tqdm(
        total=count,
        desc=title,
        leave=False,
        file=sys.stdout,
        disable=not sys.stdout.isatty(),
        dynamic_ncols=True,
        # With room for it all on 80 columns: what does not fit is cut off.
        bar_format="{desc} {percentage:3.0f}%|{bar}| {remaining} left{postfix}",
    )
    started = read = time.monotonic()
    with bar:
        for batch in batches:
            yield batch
            bar.update()
            now = time.monotonic()
            if not bar.disable and now - read > SECONDS_BETWEEN_READINGS:
                read = now
                metrics = tally.metrics()
                speed = int(metrics.confusion.sum()) / (now - started)
                bar.set_postfix_str(f"loss {metrics.loss:.4f}, accuracy {metrics.accuracy:.4f}, {speed:,.0f} images/s")
