"""All output of a run to TensorBoard; tags are `group/name`."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from torch.utils.tensorboard.summary import custom_scalars, hparams, scalar, text

from snntrain.files.folder import Folder
from snntrain.inspect.drawing import DrawingProcess, Picture, draw
from snntrain.inspect.event_writer import EventWriter
from snntrain.inspect.potentials import Histogram
from snntrain.inspect.recording import Probes
from snntrain.runs import event_files

log = logging.getLogger("snntrain")
# Writes to train.log only: a traceback does not belong on the terminal.
log_file = logging.getLogger("snntrain.file")

RGBA = 4  # the number of this order of channels in a summary
Value = bool | int | float | str

# The charts of the tab Custom Scalars; a chart shows one group of tags.
TRAINING = {"loss": "loss", "accuracy": "accuracy"}
NEURONS = {
    "firing rate (spikes per neuron and time step)": "firing_rate",
    "silent neurons (share of the layer)": "silent",
    "saturated neurons (share of the layer)": "saturated",
}
MONITORED = {
    "potentials in the surrogate's window (share)": "surrogate_window",
    "gradient norm (L2, mean over the steps)": "gradient_norm",
}
LEARNT = {"tau of PLIF (time steps)": "tau", "w of RIF": "w"}
DISTANCE = (
    "Membrane potential before the reset minus the threshold, for the watched images at every step. "
    "The threshold is at 0: the neuron fires there and to the right of it."
)


class Board:
    """The writer of a run's events into `folder`; all of them are in the file when the board is closed.

    Errors do not end the training: output that cannot be drawn or written is missing, and the first error is logged.

    Args:
        folder: the folder of the event files, including those of earlier starts of the run.
        after: the last epoch in these files. A running TensorBoard may have seen later epochs, and drops them.
    """

    def __init__(self, folder: Folder, after: int = 0) -> None:
        self.folder = folder
        self.drawing: DrawingProcess | None = None
        self._drawn: tuple[int, NDArray[np.int64]] | None = None  # the epoch of the pictures that are being drawn
        self._warned: set[str] = set()
        self._writer: EventWriter | None = None
        with self.tolerant("TensorBoard's events"):
            event_files.make_older(folder, int(time.time()))
            self._writer = EventWriter(folder, purged=after + 1 if after else None)

    @property
    def writer(self) -> EventWriter:
        if self._writer is None:
            raise RuntimeError("there is no event file to write to")
        return self._writer

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.finish_pictures()
        finally:
            if self.drawing is not None:
                self.drawing.close()
            with self.tolerant("TensorBoard's events"):
                self.writer.close()

    def sizes(self) -> list[int]:
        """Wait for all queued events, and return the size of each event file, for `event_files.cut_back`.

        The files are on the disk after `sync`.
        """
        names: list[str] = []
        with self.tolerant("TensorBoard's events"):
            names = event_files.event_files(self.folder)
            self.writer.flush()
            if self.writer.name not in names:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.folder.path))
        sizes = []
        for name in names:
            with self.folder.read(name) as file:
                sizes.append(os.fstat(file.fileno()).st_size)
        return sizes

    def sync(self) -> None:
        """Wait until the event files are on the disk; another thread may add events in the meantime."""
        with self.tolerant("TensorBoard's events"):
            event_files.sync(self.folder)

    @contextmanager
    def tolerant(self, what: str) -> Iterator[None]:
        """Turn an error in the block into a warning, once for each `what`."""
        try:
            yield
        except Exception as error:
            if what not in self._warned:
                reason = f"{type(error).__name__}: {error}".partition("\n")[0]
                log.warning("training continues without %s (traceback in train.log): %s", what, reason)
                log_file.warning("without %s", what, exc_info=True)
            self._warned.add(what)

    def draw_beside(self) -> None:
        """Draw pictures in another process from now on; the next call of `pictures`, or the end, writes them."""
        self.drawing = DrawingProcess()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write the numbers of an epoch by tag."""
        with self.tolerant("TensorBoard's events"):
            for tag, value in values.items():
                self.writer.add(scalar(tag, value), step)

    def config(self, resolved: str, step: int = 0) -> None:
        """Write the resolved configuration from epoch `step` on to the Text tab."""
        with self.tolerant("TensorBoard's events"):
            self.writer.add(text("config", "\n".join(f"    {line}" for line in resolved.splitlines())), step)

    def layout(self, *, monitored: bool, learnt: Collection[str]) -> None:
        """Write the charts of the tab Custom Scalars.

        Args:
            monitored: whether the run has a monitor.
            learnt: the tags of constants that neurons learn.
        """
        groups = {tag.partition("/")[0] for tag in learnt}
        neurons = NEURONS | (MONITORED if monitored else {})
        neurons |= {title: group for title, group in LEARNT.items() if group in groups}
        charts = {
            category: {title: ["Multiline", [f"^{group}/"]] for title, group in titles.items()}
            for category, titles in (("neurons", neurons), ("training", TRAINING))
        }
        with self.tolerant("TensorBoard's events"):
            self.writer.add(custom_scalars(charts))

    def histograms(self, step: int, distances: Mapping[str, Histogram]) -> None:
        """Write histograms of the distance of the potentials from the threshold, by layer."""
        for layer, counted in distances.items():
            self._add(step, _histogram(f"h_minus_threshold/{layer}", counted))

    def pictures(self, step: int, probes: Probes, confusion: NDArray[np.int64], neurons: int) -> None:
        """Draw and write the pictures of an epoch.

        Args:
            step: the epoch.
            probes: the recordings.
            confusion: counts of the validation images, `[true class, predicted class]`.
            neurons: the largest number of neurons in a picture.
        """
        self.finish_pictures()
        with self.tolerant("pictures"):
            if self.drawing is None:
                self._write(step, draw(probes, confusion, neurons))
            else:
                self.drawing.begin(probes, confusion, neurons)
                self._drawn = step, confusion

    def hyper_parameters(self, values: Mapping[str, Value], metrics: Mapping[str, float]) -> None:
        """Write the configuration by dotted key, and the final figures, to the HParams tab."""
        final = {f"final/{key}": value for key, value in metrics.items()}
        _, start, end = hparams(dict(values), final)
        with self.tolerant("TensorBoard's events"):
            # Not the first summary: it would limit the columns to the first five keys. TensorBoard itself starts with
            # the keys that differ.
            for summary in (start, end):
                self.writer.add(summary)
        self.scalars(0, final)

    def undrawn(self) -> dict[str, Any] | None:
        """Return the epoch of the pictures that are still being drawn, with its confusion matrix; None without such."""
        return None if self._drawn is None else {"epoch": self._drawn[0], "confusion": torch.from_numpy(self._drawn[1])}

    def finish_pictures(self) -> None:
        """Wait for pictures that are being drawn, and write them."""
        if self.drawing is not None and self._drawn is not None:
            (step, _), self._drawn = self._drawn, None
            with self.tolerant("pictures"):
                self._write(step, self.drawing.collect())

    def _write(self, step: int, pictures: list[Picture]) -> None:
        for picture in pictures:
            image = Summary.Image(
                width=picture.width, height=picture.height, colorspace=RGBA, encoded_image_string=picture.png
            )
            # torch's image() would take pixels and encode them in this process.
            self._add(step, Summary.Value(tag=picture.tag, image=image))

    def _add(self, step: int, value: Summary.Value) -> None:
        with self.tolerant("TensorBoard's events"):
            self.writer.add(Summary(value=[value]), step)


def _histogram(tag: str, counted: Histogram) -> Summary.Value:
    """Return a summary like that of torch's histogram_raw(), with a description."""
    histogram = {
        "min": counted.low,
        "max": counted.high,
        "num": counted.number,
        "sum": counted.total,
        "sum_squares": counted.squares,
        "bucket_limit": counted.limits,
        "bucket": counted.counts,
    }
    plugin = SummaryMetadata.PluginData(plugin_name="histograms")
    metadata = SummaryMetadata(summary_description=DISTANCE, plugin_data=plugin)
    return Summary.Value(tag=tag, histo=histogram, metadata=metadata)
