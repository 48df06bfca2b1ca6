"""Recordings of event cameras and of other event sensors: reading files, and frames of counts."""
