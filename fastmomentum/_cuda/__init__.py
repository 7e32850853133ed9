"""The loops as CUDA kernels; imported only where a device is asked for."""
