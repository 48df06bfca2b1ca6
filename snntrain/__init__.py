"""snntrain: a config-driven command line that trains spiking neural networks."""

__version__ = "0.1.0"
