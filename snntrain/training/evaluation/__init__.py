"""Evaluates a network: metrics, the test images, and what its neurons do with a batch."""
