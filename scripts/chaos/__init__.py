"""What `scripts/chaos.py` does to trainings: a file a subject."""
