"""Data sets, their splits, batches on the training device, and encoders that make T steps of an image."""
