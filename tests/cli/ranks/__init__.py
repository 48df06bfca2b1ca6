"""A run on several devices: real processes, and every way in which they can end."""
