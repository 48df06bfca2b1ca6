"""The cost per image: spikes, operations and energy of a network, counted while it runs.

Names and definitions are NeuroBench's (Yik et al., 2025). All values are means over images:

effective MACs, ACs   a non-zero input times a non-zero weight is one operation: an accumulate (AC) if all inputs of
                      the layer are 0 or ±1, else a multiply-accumulate (MAC)
dense operations      the operations if no input and no weight were zero; the zeros that pad a convolution never count
membrane updates      potentials that a step changed; the first step after a reset changes all
spikes                spikes of the neurons, not of an encoder

The product of two matrices in spiking self-attention counts the products of two non-zero elements: ACs if one of the
factors is 0 or ±1 throughout, as spikes are, since then the other is added or left out. Sums and masks, as those of Q-K
attention, count nothing, like pooling.

The kind of a layer depends on all of its inputs; NeuroBench decides anew in each call. The first layer counts MACs on
analog images, and ACs after an encoder of spikes. After average pooling a layer counts MACs, after max pooling ACs.
Biases, pooling and voting count nothing, nor does batch normalisation, which folds into the weights of the layer
before.

A layer counts as often as it computes: a convolution of a constant current counts once per image, not once per step,
since its result is the same at each step (see `snntrain.network.sequence`). Its neurons run at every step.
"""
