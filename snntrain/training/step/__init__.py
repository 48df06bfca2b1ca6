"""One training step: launched or recorded, its gradients, and what happens where they are not finite."""
