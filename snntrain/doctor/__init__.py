"""What this machine gives to training: software, device, memory, threads, caches, data, and a measured speed."""
