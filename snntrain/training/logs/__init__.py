"""What a training run reports: metrics, progress bar, TensorBoard."""
