"""Archives: downloaded from a server on this machine, and unpacked; hostile ones are refused."""
