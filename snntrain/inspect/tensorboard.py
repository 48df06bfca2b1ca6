"""Everything that a run writes to TensorBoard; tags are `group/name`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
from torch.utils.tensorboard import SummaryWriter

from snntrain.inspect.drawing import DrawingProcess, Picture, draw
from snntrain.inspect.recording import Probes

BINS = 50
RGBA = 4  # what a summary's image calls that order of channels
Value = bool | int | float | str


class Board:
    """Writes a run's events into `folder`; all that it was given is there when it is closed."""

    def __init__(self, folder: Path) -> None:
        self.writer = SummaryWriter(str(folder))
        self.drawing: DrawingProcess | None = None
        self._begun: int | None = None  # the epoch whose pictures are being drawn

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with closing(self.writer), closing(self.drawing) if self.drawing else nullcontext():
            try:
                self._write_drawn()
            except RuntimeError:
                # What the run failed of first must not be hidden.
                if error is None:
                    raise

    def draw_beside(self) -> None:
        """Has pictures drawn while the caller goes on, and written at the next `probes` or in the end."""
        self.drawing = DrawingProcess()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Single numbers of an epoch, by tag."""
        for tag, value in values.items():
            self.writer.add_scalar(tag, value, step)

    def config(self, text: str) -> None:
        """The resolved configuration, in the Text tab."""
        self.writer.add_text("config", "\n".join(f"    {line}" for line in text.splitlines()))

    def probes(self, step: int, probes: Probes, confusion: NDArray[np.int64] | None, neurons: int) -> None:
        """The pictures of an epoch, and of every layer a histogram of the potential before the reset.

        Args:
            step: epoch.
            probes: a picture has a panel for each sample.
            confusion: counts `[true class, predicted class]`.
            neurons: shown in a picture at most.

        Raises:
            RuntimeError: the pictures of the last call could not be drawn beside the caller.
        """
        if self.drawing is None:
            self._write(step, draw(probes, confusion, neurons))
        else:
            self._write_drawn()
            self.drawing.begin(probes, confusion, neurons)
            self._begun = step
        for name, recording in probes.recordings.items():
            self._histogram(f"h_before_reset/{name}", recording.h, step)

    def hyper_parameters(self, values: Mapping[str, Value], metrics: Mapping[str, float]) -> None:
        """The HParams tab: the configuration by dotted key, and the run's final figures."""
        self.writer.add_hparams(dict(values), {f"final/{key}": value for key, value in metrics.items()}, run_name=".")

    def _write_drawn(self) -> None:
        """Waits for the pictures that are being drawn, if any are."""
        if self.drawing is not None and self._begun is not None:
            step, self._begun = self._begun, None
            self._write(step, self.drawing.collect())

    def _write(self, step: int, pictures: list[Picture]) -> None:
        for picture in pictures:
            image = Summary.Image(
                width=picture.width, height=picture.height, colorspace=RGBA, encoded_image_string=picture.png
            )
            # As add_image does, which takes pixels and would encode them here.
            summary = Summary(value=[Summary.Value(tag=picture.tag, image=image)])
            self.writer._get_file_writer().add_summary(summary, step)

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
