"""The shared parts of Numba kernels: compilation, vectors, threads, caches."""
