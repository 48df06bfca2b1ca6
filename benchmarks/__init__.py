"""What snntrain costs beside its peers: time and memory of a neuron layer, and of a training step."""
