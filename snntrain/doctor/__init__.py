"""The examination of a machine for training: software, device, memory, threads, caches, data, and a measured speed."""
