"""Gradients set to zero, in parallel where that pays."""

from fastembed import threads

GRAIN = 1 << 22  # bytes of a slice; a smaller one gains less than another thread's start costs


def zero(dW):
    """Set dW (V, D) to zero, by rows: a fill of columns runs at half the speed."""
    row_bytes = max(1, dW.shape[1] * dW.itemsize)
    threads.share(dW.shape[0], lambda lo, hi: dW[lo:hi].fill(0), grain=GRAIN // row_bytes)
