"""Run folders, without torch: what a run writes, and how it is found, locked and read."""
