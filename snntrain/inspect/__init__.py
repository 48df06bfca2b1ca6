"""Looking inside: firing rates, recordings of voltages and spikes, pictures of them, TensorBoard."""
