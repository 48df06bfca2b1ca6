"""Training: from a validated configuration to a run folder."""
