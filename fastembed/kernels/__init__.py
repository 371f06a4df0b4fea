"""Compiled kernels: arrays in, arrays filled, nothing checked. Call them through fastembed.ops."""
