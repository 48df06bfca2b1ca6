"""Event files, read back as TensorBoard does."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def events(folder: Path) -> EventAccumulator:
    """Return everything in the event files of a folder."""
    kept = {"scalars": 0, "images": 0, "histograms": 0, "compressedHistograms": 0, "tensors": 0}
    accumulator = EventAccumulator(str(folder), size_guidance=kept)
    accumulator.Reload()
    return accumulator
