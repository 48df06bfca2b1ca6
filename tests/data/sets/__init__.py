"""The public sets of recordings, from synthetic files in their layouts; N-MNIST from real ones, too."""
