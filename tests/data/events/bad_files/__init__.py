"""Damaged and odd recordings, and what is said about each; table.py has all of them."""
