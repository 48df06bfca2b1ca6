"""Compiled operators and their shared parts, without knowledge of neurons.

register.py  adds an operator to PyTorch
dispatch.py  chooses the executor of an operator, by device and dtype
layout.py    brings tensors into one order
cpu/         the shared parts of Numba kernels: compilation, vectors, threads, caches
gpu/         the shared part of Triton kernels
pooling/     max pooling
"""
