"""Hurts small trainings and compares how they end: `python -m chaos`. A file a subject."""
