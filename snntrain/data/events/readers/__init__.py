"""Readers of recordings, one module per file format.

A file may come from a stranger. Each reader checks what it reads, and allocates no more than a small multiple of the
size of the file: numbers in a file are compared with its size before they are used.

formats.py       which reader a file takes
content.py       the bytes of a file
atis.py          5 bytes per event: N-MNIST, N-Caltech101
aedat_header.py  the header of AEDAT 2.0 and 3.1
aedat2.py        AEDAT 2.0: CIFAR10-DVS
aedat31.py       AEDAT 3.1: DVS128 Gesture
npy.py           arrays in .npy and .npz files, without pickles
columns.py       events from four arrays
arrays.py        arrays of one's own in .npz and .npy files
gesture_npy.py   the arrays of DVS128 Gesture that tonic downloads
hdf5.py          opening HDF5 files
arrays_h5.py     arrays of one's own in HDF5 files
heaps.py         the part of HDF5 files on which HDF5 may hang
spikes_h5.py     spikes of many recordings in one HDF5 file: SHD, SSC
"""
