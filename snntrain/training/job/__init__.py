"""The job of a configuration: device, precision, data, network, optimizer."""
