"""The pictures of an epoch, and a process that draws them during the next epoch.

Not a thread: matplotlib is written in Python, and would hold the interpreter's lock that training needs. An epoch of
digits took three times as long with a drawing thread, and a fifth longer with a drawing process.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator, Sequence
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
    frames,
    heat_map,
    output_counts,
    output_over_time,
    over_time,
    raster,
    voltage_traces,
)
from snntrain.inspect.pictures.sample import samples_of
from snntrain.inspect.plotter import Figure, pixels
from snntrain.inspect.png import as_png
from snntrain.inspect.recording import UNKNOWN, Probes, Recording, of_sample, valid_steps


@dataclass(frozen=True)
class Picture:
    """A picture as PNG, with its size in pixels and its tag in TensorBoard."""

    tag: str
    width: int
    height: int
    png: bytes


class DrawingProcess:
    """Another process that draws the pictures of one epoch at a time, until it is closed."""

    def __init__(self) -> None:
        # Not a fork: a fork would share the GPU and the locks of other threads.
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        # If this copy of the other end stayed open, the death of the process would go unnoticed.
        theirs.close()

    def begin(self, probes: Probes, confusion: NDArray[np.int64] | None, neurons: int) -> None:
        """Start drawing, as `draw` does; call `collect` before the next call."""
        # If the process has died, `collect` reports it.
        with suppress(OSError):
            self._connection.send((probes, confusion, neurons))

    def collect(self) -> list[Picture]:
        """Wait for the pictures, and return them.

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
        """End the process; pictures in progress are lost."""
        self._connection.close()
        # It may not notice the closed connection: processes that read data may hold this end open.
        self._process.terminate()
        self._process.join()


def _serve(connection: Connection) -> None:
    """Draw on request until the other side closes; answer with a traceback if drawing fails."""
    # Ctrl-C reaches all processes of a terminal. The process that trains decides what to do.
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
    """Draw all pictures of `plots` as PNG.

    Each is compressed while the next is drawn: compression releases the interpreter's lock.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="snntrain-png") as compressing:
        pictures = []
        for tag, figure in plots(probes, confusion, neurons):
            drawn = pixels(figure)
            # Level 3 takes half the time of zlib's own level, for files a fifth larger.
            pictures.append((tag, drawn, compressing.submit(as_png, drawn, dpi=figure.dpi, level=3)))
        return [Picture(tag, drawn.shape[1], drawn.shape[0], png.result()) for tag, drawn, png in pictures]


def plots(probes: Probes, confusion: NDArray[np.int64] | None, neurons: int) -> Iterator[tuple[str, Figure]]:
    """Yield the tag, `kind/layer`, and the plot of each picture.

    Every layer has a spike raster, voltage traces and a heat map. A convolutional layer also has the spike counts of
    its channels. Neurons that never spike have no pictures of spikes. Then follow, for sequences, the input's frames
    and views over time, and the output's potential over time; and the output's spike counts, or the scores of another
    readout, and, if given, the confusion matrix.

    Args:
        probes: the recordings; a plot has a panel per sample.
        confusion: counts `[true class, predicted class]`.
        neurons: the largest number of rows of a raster or heat map, or of channels.
    """
    titles = _titles(probes)
    for layer, recording in probes.recordings.items():
        samples = [of_sample(recording, sample, probes.lengths) for sample in range(len(titles))]
        if recording.spiking:
            yield f"spikes/{layer}", raster(samples, titles, layer, neurons)
        yield f"voltages/{layer}", voltage_traces(samples, titles, layer)
        yield f"heat_map/{layer}", heat_map(samples, titles, layer, neurons)
        if recording.spiking and recording.s.ndim == 5:
            yield f"spike_counts/{layer}", count_map(_valid_spikes(recording, probes), titles, layer, neurons)
    if probes.sequences is not None:
        yield from _of_sequences(probes, titles)
    yield f"output/{probes.answers.picture}", output_counts(probes, titles)
    if confusion is not None:
        yield "output/confusion", confusion_matrix(confusion, probes.class_names)


def _valid_spikes(recording: Recording, probes: Probes) -> NDArray[np.bool_]:
    """Return the spikes `[T, N, *]` up to the last valid step, without those in padding."""
    valid = valid_steps(recording, probes.lengths)
    T = int(valid.any(1).sum())
    return (recording.s & valid.reshape(*valid.shape, *[1] * (recording.s.ndim - 2)))[:T]


def _of_sequences(probes: Probes, titles: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    samples = samples_of(probes)
    if samples[0].framed:
        yield "input/frames", frames(samples, titles)
        yield "input/over_time", over_time(samples, titles)
    yield "output/over_time", output_over_time(probes, samples, titles)


def _titles(probes: Probes) -> list[str]:
    """Return the title of each sample: its class, a wrong prediction, and a tie."""
    titles, answers, kind = [], probes.answers, probes.kind
    for number, (label, guess, tied) in enumerate(zip(probes.labels, answers.classes, answers.tied, strict=True), 1):
        true = "" if label == UNKNOWN else f", class {probes.class_names[label]}"
        taken = "" if guess == label else f", taken for {probes.class_names[guess]}"
        titles.append(f"{kind} {number}{true}{taken}{', tied' if tied else ''}")
    return titles
