"""The places in which the jobs of a sweep run: this process, worker processes, a cluster."""
