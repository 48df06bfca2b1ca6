"""What an image costs: spikes, operations and energy of a network, counted while it runs.

Names and definitions are NeuroBench's (Yik et al., 2025), all of them means over images:

effective MACs, ACs   a non-zero input times a non-zero weight is one operation: an accumulate (AC) in a layer whose
                      inputs are spikes, a multiply-accumulate (MAC) where they hold other values than 0 and ±1
dense operations      the same with nothing zero; the zeros that pad a convolution never count
membrane updates      potentials that a step changed; all of them in the first step after a reset
spikes                of the neurons, not of an encoder

The kind of a layer is decided by all inputs that it had; NeuroBench decides anew each time that the layer is called. So
the first layer counts MACs on analog images and ACs behind an encoder of spikes; behind average pooling a layer counts
MACs, behind max pooling ACs. A bias is no operation, nor is pooling or voting. Batch normalisation folds into the
weights of the layer before it, and is none either.

A layer is counted as often as it computes: a constant current's convolution once an image, not once a step, since its
result is the same at each of them (see `snntrain.network.sequence`). Its neurons run at every step.
"""
