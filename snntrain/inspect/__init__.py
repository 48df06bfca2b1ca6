"""Looking inside a network: recordings of potentials and spikes, pictures of them, TensorBoard."""
