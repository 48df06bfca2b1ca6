"""Evaluation of a network: its metrics, its test, and recordings of its neurons."""
