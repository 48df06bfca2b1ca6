"""The shared part of Triton kernels: the check that Triton can build them here."""
