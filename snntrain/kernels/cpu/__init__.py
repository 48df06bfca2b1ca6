"""What Numba kernels share: compilation, vectors, threads, caches."""
