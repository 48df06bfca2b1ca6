"""The shared part of Triton kernels: whether Triton can build them here."""
