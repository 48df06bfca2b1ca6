"""The reports of a run in training: metrics, progress bar, TensorBoard."""
