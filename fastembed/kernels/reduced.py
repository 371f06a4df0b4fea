"""Numba kernels that look up rows of tables with fewer bits a number, as float32."""

import numpy as np

from fastembed.kernels._args import byte_matrix, half_matrix, ids, single_matrix, singles
from fastembed.kernels._jit import kernel
from fastembed.kernels._rows import fetch
from fastembed.kernels.embedding import AHEAD, CACHE, _row

u32, f32 = np.uint32, np.float32


@kernel
def _float16(source, scale, target):
    for d in range(target.shape[0]):
        h = u32(source[d])
        bits = u32((h & u32(0x7FFF)) << u32(13))
        x = bits.view(np.float32) * f32(2.0**112)  # another bias of the exponent; subnormals too
        special = u32(bits | u32(0x7F800000)).view(np.float32)  # infinity, NaN
        x = special if (h & u32(0x7C00)) == u32(0x7C00) else x
        target[d] = -x if h & u32(0x8000) else x


@kernel
def _bfloat16(source, scale, target):
    for d in range(target.shape[0]):
        target[d] = u32(u32(source[d]) << u32(16)).view(np.float32)


@kernel
def _int8(source, scale, target):
    for d in range(target.shape[0]):
        target[d] = f32(source[d]) * scale


def _gather(name, numbers, convert):
    """The entry for one kind of numbers."""

    def gather(W: numbers, scales: singles, idx: ids, out: single_matrix, lo, hi) -> bool:
        V, nbytes = W.shape[0], W.shape[1] * W.itemsize
        far, scale = V * nbytes > CACHE, scales.dtype.type(1)
        for n in range(np.uint64(lo), np.uint64(hi)):
            v = _row(idx, n, V)
            if v == V:
                return False
            if far and n + np.uint64(AHEAD) < np.uint64(hi):
                fetch(W, np.int64(idx[n + np.uint64(AHEAD)]) * nbytes, nbytes)
            if scales.shape[0]:
                scale = scales[np.uint64(v)]
            convert(W[np.uint64(v)], scale, out[n])
        return True

    gather.__name__ = name
    gather.__doc__ = f"""out[n, :] = scales[idx[n]] W[idx[n], :] for lo <= n < hi; W has {name[7:]}

    False, at once, if an id is outside [-V, V). Each id is read once.

    W       (V, D)        float16 or bfloat16, both as uint16, or int8  IN
    scales  (V,) or (0,)  float32                                        IN
    idx     (N,)          int64                                          IN
    out     (N, D)        float32                                        OUT
    """
    return kernel(gather)


gather_float16 = _gather("gather_float16", half_matrix, _float16)
gather_bfloat16 = _gather("gather_bfloat16", half_matrix, _bfloat16)
gather_int8 = _gather("gather_int8", byte_matrix, _int8)
