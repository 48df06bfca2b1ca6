"""The plots, one kind per file, as matplotlib figures without a window."""

# This comes first: it imports matplotlib safely.
from snntrain.inspect import plotter  # noqa: F401

# isort: split
from snntrain.inspect.pictures.confusion import confusion_matrix
from snntrain.inspect.pictures.count_map import count_map
from snntrain.inspect.pictures.heat_map import heat_map
from snntrain.inspect.pictures.output import output_counts
from snntrain.inspect.pictures.raster import raster
from snntrain.inspect.pictures.traces import voltage_traces

__all__ = ["confusion_matrix", "count_map", "heat_map", "output_counts", "raster", "voltage_traces"]
