"""How many threads the kernels use; the pool itself is native (`fastembed.runtime`)."""

from fastembed.runtime.pool import get_num_threads, set_num_threads

__all__ = ["get_num_threads", "set_num_threads"]
