"""Readers of recordings, tested with writers that were made from the tables of bytes, not from the readers."""
