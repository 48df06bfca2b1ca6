"""The pictures of an epoch, and a process that draws them while the next epoch is trained.

Not a thread: matplotlib is Python from end to end, and training waits for the interpreter that it shares with it. An
epoch of digits took three times as long beside a drawing thread, and a fifth longer beside a process.
"""

from __future__ import annotations

import io
import signal
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from snntrain.inspect.pictures import (
    confusion_matrix,
    count_map,
    heat_map,
    output_counts,
    raster,
    voltage_traces,
)
from snntrain.inspect.plotter import Figure, FigureCanvasAgg, imsave
from snntrain.inspect.recording import UNKNOWN, Probes, of_sample


@dataclass(frozen=True)
class Picture:
    """A drawn figure as PNG, its size in pixels, and what TensorBoard is to call it."""

    tag: str
    width: int
    height: int
    png: bytes


class DrawingProcess:
    """Draws the pictures of one epoch at a time beside its caller, until it is closed."""

    def __init__(self) -> None:
        # Not a fork: that would share the GPU, and the locks of other threads.
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        # With this end open here, too, the process could die without being noticed.
        theirs.close()

    def begin(self, probes: Probes, confusion: NDArray[np.int64] | None, neurons: int) -> None:
        """Has the process do what `draw` does; one call of `collect` must come before the next of this."""
        # To a process that has died nothing can be sent; `collect` says so.
        with suppress(OSError):
            self._connection.send((probes, confusion, neurons))

    def collect(self) -> list[Picture]:
        """The pictures that were begun; waits until they are drawn.

        Raises:
            RuntimeError: they could not be drawn; its note is the traceback.
        """
        try:
            answer: list[Picture] | str = self._connection.recv()
        except (EOFError, OSError):
            raise RuntimeError("the pictures could not be drawn: the process that draws them has died") from None
        if isinstance(answer, str):
            error = RuntimeError(f"the pictures could not be drawn: {answer.strip().splitlines()[-1]}")
            error.add_note(answer)
            raise error
        return answer

    def close(self) -> None:
        """Ends the process; what it is drawing is lost."""
        self._connection.close()
        # It would not always see that: processes that read data may hold this end open.
        self._process.terminate()
        self._process.join()


def _serve(connection: Connection) -> None:
    """Draws what is asked for until the other side closes; a traceback is the answer where that fails."""
    # Ctrl-C is given to all processes of a terminal. The one that trains decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        while True:
            probes, confusion, neurons = connection.recv()
            try:
                answer: list[Picture] | str = draw(probes, confusion, neurons)
            except Exception:
                answer = traceback.format_exc()
            connection.send(answer)


def draw(probes: Probes, confusion: NDArray[np.int64] | None, neurons: int) -> list[Picture]:
    """All pictures of `figures`, as PNG.

    Each is compressed while the next is drawn: compression does not hold the interpreter's lock.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="snntrain-png") as compressing:
        begun = []
        for tag, figure in figures(probes, confusion, neurons):
            pixels = _pixels(figure)
            begun.append((tag, pixels, compressing.submit(_as_png, pixels, figure.dpi)))
        return [Picture(tag, pixels.shape[1], pixels.shape[0], png.result()) for tag, pixels, png in begun]


def figures(probes: Probes, confusion: NDArray[np.int64] | None, neurons: int) -> Iterator[tuple[str, Figure]]:
    """What the neurons did and what came out, as figures with their tags, `kind/layer`.

    Of every layer a spike raster, voltage traces and a heat map, of a convolutional one the spike counts of its
    channels too; then the output's spike counts and, where it is given, the confusion matrix.

    Args:
        probes: a panel a sample.
        confusion: counts `[true class, predicted class]`.
        neurons: rows of a raster or heat map, or channels, at most.
    """
    titles = _titles(probes)
    for layer, recording in probes.recordings.items():
        samples = [of_sample(recording, sample) for sample in range(len(titles))]
        yield f"spikes/{layer}", raster(samples, titles, layer, neurons)
        yield f"voltages/{layer}", voltage_traces(samples, titles, layer)
        yield f"heat_map/{layer}", heat_map(samples, titles, layer, neurons)
        if recording.s.ndim == 5:
            yield f"spike_counts/{layer}", count_map(recording.s, titles, layer, neurons)
    yield "output/spike_counts", output_counts(probes, titles)
    if confusion is not None:
        yield "output/confusion", confusion_matrix(confusion, probes.class_names)


def _titles(probes: Probes) -> list[str]:
    """What each sample is, what it is taken for where that is something else, and whether by a tie."""
    titles, answers = [], probes.answers
    for number, (label, guess, tied) in enumerate(zip(probes.labels, answers.classes, answers.tied, strict=True), 1):
        true = "" if label == UNKNOWN else f", class {probes.class_names[label]}"
        taken = "" if guess == label else f", taken for {probes.class_names[guess]}"
        titles.append(f"image {number}{true}{taken}{', tied' if tied else ''}")
    return titles


def _pixels(figure: Figure) -> NDArray[np.uint8]:
    """`[height, width, 4]`."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def _as_png(pixels: NDArray[np.uint8], dpi: float) -> bytes:
    png = io.BytesIO()
    # Half the time of zlib's own level, for files a fifth larger.
    imsave(png, pixels, format="png", origin="upper", dpi=dpi, pil_kwargs={"compress_level": 3})
    return png.getvalue()
