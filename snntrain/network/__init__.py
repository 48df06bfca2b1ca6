"""Networks of stateless layers and spiking neurons, over sequences `[T, N, *]`."""
