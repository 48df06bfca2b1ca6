"""Compiled operators and what they share. Nothing here knows a neuron.

register.py  adds an operator to PyTorch
dispatch.py  who runs an operator, by device and dtype
layout.py    brings tensors into one order
cpu/         what Numba kernels share: compilation, vectors, threads, caches
gpu/         what Triton kernels share
pooling/     max pooling
"""
