"""Builds a job from a configuration: device, precision, data, network, optimizer."""
