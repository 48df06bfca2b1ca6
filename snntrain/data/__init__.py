"""Data sets, their splits, batches on the training device, and encoders that turn an image into T steps."""
