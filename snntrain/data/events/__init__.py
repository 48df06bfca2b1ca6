"""Recordings of event cameras and of other event sensors: reading files, and frames of counts.

events.py    the events of a recording, the sensor, the error for a file that cannot be read
checks.py    what every reader checks
readers/     one module per file format
frames.py    frames of counts
"""
