"""Runs side by side: what they were asked, how they ended, which is best. Reads their folders; needs no torch."""
