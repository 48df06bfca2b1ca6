"""The configuration: its schema, how it is composed, and what is checked before anything is built."""
