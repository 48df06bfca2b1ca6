"""The cost per image: spikes, operations and energy of a network, counted while it runs.

Names and definitions are NeuroBench's (Yik et al., 2025). All of them are means over images:

effective MACs, ACs   a non-zero input times a non-zero weight is one operation: an accumulate (AC) if all inputs of
                      the layer are 0 or ±1, else a multiply-accumulate (MAC)
dense operations      the operations if no input and no weight were zero; the zeros that pad a convolution never count
membrane updates      potentials that a step changed; the first step after a reset changes all
spikes                spikes of the neurons, not of an encoder

All inputs of a layer decide its kind; NeuroBench decides anew at each call. The first layer counts MACs on analog
images and ACs behind an encoder of spikes. Behind average pooling a layer counts MACs, behind max pooling ACs. Biases,
pooling and voting count nothing. Batch normalisation folds into the weights of the layer before it, and counts nothing.

A layer counts as often as it computes: the convolution of a constant current once per image, not once per step, since
its result is the same at each step (see `snntrain.network.sequence`). Its neurons run at every step.
"""
