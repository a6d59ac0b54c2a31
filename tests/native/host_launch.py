"""Launches of CUDA kernels that the host runs instead, block after block."""

import torch

from curvox import _native


def launch_on_host(device, name, blocks, threads, *arguments):
    """Stands in for ``curvox._native.cuda.launch`` where tensors are on the CPU."""
    values = [0 if argument is None else argument for argument in arguments]
    addresses = [v.data_ptr() if isinstance(v, torch.Tensor) else v for v in values]
    getattr(_native.cpu.host_kernels, name)(blocks, threads, *addresses)
