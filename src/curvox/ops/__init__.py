"""Differentiable functions over tensors: each a checked entry, a PyTorch reference, kernels."""
