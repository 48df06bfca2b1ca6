"""Time and memory of a neuron layer and of a training step, of snntrain and its peers."""
