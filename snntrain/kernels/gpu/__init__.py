"""What Triton kernels share: whether Triton can build them here."""
