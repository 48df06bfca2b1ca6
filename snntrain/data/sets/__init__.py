"""The public sets of event cameras and spoken digits. Each function returns counts of events as frames (scale 1.0).

nmnist.py          N-MNIST
ncaltech101.py     N-Caltech101
cifar10_dvs.py     CIFAR10-DVS
dvs128_gesture.py  DVS128 Gesture, in the original layout and in tonic's
heidelberg.py      the Spiking Heidelberg Digits and the Spiking Speech Commands
recordings.py      a recording, and the conversion of many into a cache
shares.py          a share of exact size, with the same proportion of classes

The functions have these arguments in common:

    T: frames of a recording; no effect with frames_by=duration
    root: folder of all data sets, or of this one; None for `$SNNTRAIN_DATA`, else the user's cache folder
    validation: share of the training recordings that is held out, default 0.1
    split_seed: seed of the random splits, default 0
    frames_by: number, time or duration, see `snntrain.data.events.frames`
    frame_us: length of a frame in microseconds, for frames_by=duration
    downsample: side of the square of pixels that become one
    binary: whether a pixel with events counts as 1

They raise UserError if files are damaged, or missing and cannot be downloaded.
"""
