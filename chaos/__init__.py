"""Disturb small trainings and compare how they end: `python -m chaos`. One file per subject."""
