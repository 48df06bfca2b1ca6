"""The configuration: its schema, its composition, and the checks before anything is built."""
