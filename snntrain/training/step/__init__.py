"""The training step: launched or recorded, its gradients, and the handling of bad steps."""
