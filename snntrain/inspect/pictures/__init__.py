"""The plots, one kind per file, as matplotlib figures without a window."""

# This comes first: it imports matplotlib safely.
from snntrain.inspect import plotter  # noqa: F401

# isort: split
from snntrain.inspect.pictures.confusion import confusion_matrix
from snntrain.inspect.pictures.count_map import count_map
from snntrain.inspect.pictures.frames import frames
from snntrain.inspect.pictures.heat_map import heat_map
from snntrain.inspect.pictures.output import output_counts
from snntrain.inspect.pictures.output_over_time import output_over_time
from snntrain.inspect.pictures.over_time import over_time
from snntrain.inspect.pictures.raster import raster
from snntrain.inspect.pictures.traces import voltage_traces

__all__ = [
    "confusion_matrix",
    "count_map",
    "frames",
    "heat_map",
    "output_counts",
    "output_over_time",
    "over_time",
    "raster",
    "voltage_traces",
]
