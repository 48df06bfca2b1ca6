"""Durations in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a duration as people say it: '4.2 s', '41 s', '3 min', '2 h 05 min'."""
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"
