"""The part of a report that shows a search: what it found, what it stopped, and which keys mattered."""
