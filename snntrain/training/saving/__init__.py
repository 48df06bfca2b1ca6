"""Checkpoints: written whole, checked when they are read, and restored."""
