"""Everything that a run writes to TensorBoard; tags are `group/name`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from snntrain.inspect.pictures import of_sample, raster, voltage_traces
from snntrain.inspect.probe import Recording

BINS = 50
Value = bool | int | float | str


class Board:
    """Writes a run's events into `folder`.

    Args:
        folder: where the event file lies.
        purge_step: on resuming, the first step that is written again; what an earlier process wrote from it on is
            hidden.
    """

    def __init__(self, folder: Path, purge_step: int | None = None) -> None:
        self.writer = SummaryWriter(str(folder), purge_step=purge_step)

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.writer.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Single numbers of an epoch, by tag."""
        for tag, value in values.items():
            self.writer.add_scalar(tag, value, step)

    def config(self, text: str) -> None:
        """The resolved configuration, in the Text tab."""
        self.writer.add_text("config", "\n".join(f"    {line}" for line in text.splitlines()))

    def recordings(
        self, step: int, recordings: Mapping[str, Recording], labels: Sequence[str], rows: int, samples: int = 3
    ) -> None:
        """For every layer a spike raster, voltage traces and a histogram of the potential before the reset.

        Args:
            step: epoch.
            recordings: of each layer, by name.
            labels: what each sample is.
            rows: neurons of a raster at most.
            samples: panels of a picture at most; the histogram is of all.
        """
        titles = [f"image {number}, class {label}" for number, label in enumerate(labels[:samples], 1)]
        for name, recording in recordings.items():
            panels = [of_sample(recording, sample) for sample in range(len(titles))]
            self._picture(f"spikes/{name}", raster(panels, titles, name, rows), step)
            self._picture(f"voltages/{name}", voltage_traces(panels, titles, name), step)
            self._histogram(f"h_before_reset/{name}", recording.h, step)

    def hyper_parameters(self, values: Mapping[str, Value], metrics: Mapping[str, float]) -> None:
        """The HParams tab: the configuration by dotted key, and the run's final figures."""
        self.writer.add_hparams(dict(values), {f"final/{key}": value for key, value in metrics.items()}, run_name=".")

    def _picture(self, tag: str, figure: Figure, step: int) -> None:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        self.writer.add_image(tag, np.asarray(canvas.buffer_rgba())[..., :3], step, dataformats="HWC")

    def _histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """Counts in few bins: a hundred times cheaper than what SummaryWriter does to all the values."""
        finite = values[np.isfinite(values)].astype(np.float64)
        if not finite.size:
            return
        counts, edges = np.histogram(finite, bins=BINS)
        self.writer.add_histogram_raw(
            tag,
            min=finite.min(),
            max=finite.max(),
            num=finite.size,
            sum=finite.sum(),
            sum_squares=np.square(finite).sum(),
            bucket_limits=edges[1:].tolist(),
            bucket_counts=counts.tolist(),
            global_step=step,
        )
