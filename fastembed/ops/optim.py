"""Optimizer steps in place, one pass over memory; the norm and the scaling for clipping."""

import numpy as np

from fastembed import _check, threads
from fastembed.kernels import optim as kernels

# a slice has at least this many entries; fewer cost less than handing them to another thread
GRAIN = 1 << 15
# the norm sums chunks of this many entries, whatever the number of threads
CHUNK = 1 << 14


def sgd(param, grad, lr):
    """Gradient descent, in place: ``param -= lr * grad``.

    Parameters
    ----------
    param : ndarray of float32 or float64, any shape and layout
        Changed in place.
    grad : ndarray of param's dtype and shape
    lr : float

    Returns
    -------
    param : ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit, or arrays overlap.
    """
    return _step(kernels.sgd, param, grad, (lr,), {})


def momentum(param, grad, v, lr, rate):
    """Momentum step, in place: ``v = rate * v - lr * grad; param += v``.

    Parameters
    ----------
    param, v : ndarray of float32 or float64, of one dtype and shape
        Changed in place.
    grad : ndarray of param's dtype and shape
    lr, rate : float

    Returns
    -------
    param : ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit, or arrays overlap.
    """
    return _step(kernels.momentum, param, grad, (lr, rate), {"v": v})


def nesterov(param, grad, v, lr, rate):
    """Nesterov's accelerated gradient, in place.

    ``v = rate * v - lr * grad; param += rate**2 * v - (1 + rate) * lr * grad``
    (Y. Bengio et al., Advances in Optimizing Recurrent Networks, 2012).

    Parameters
    ----------
    param, v : ndarray of float32 or float64, of one dtype and shape
        Changed in place.
    grad : ndarray of param's dtype and shape
    lr, rate : float

    Returns
    -------
    param : ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit, or arrays overlap.
    """
    return _step(kernels.nesterov, param, grad, (lr, rate), {"v": v})


def adagrad(param, grad, h, lr):
    """AdaGrad step, in place: ``h += grad**2; param -= lr * grad / (sqrt(h) + 1e-7)``.

    Parameters
    ----------
    param, h : ndarray of float32 or float64, of one dtype and shape
        Changed in place.
    grad : ndarray of param's dtype and shape
    lr : float

    Returns
    -------
    param : ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit, or arrays overlap.
    """
    return _step(kernels.adagrad, param, grad, (lr,), {"h": h})


def rmsprop(param, grad, h, lr, decay_rate):
    """RMSprop step, in place.

    ``h = decay_rate * h + (1 - decay_rate) * grad**2; param -= lr * grad / (sqrt(h) + 1e-7)``

    Parameters
    ----------
    param, h : ndarray of float32 or float64, of one dtype and shape
        Changed in place.
    grad : ndarray of param's dtype and shape
    lr, decay_rate : float

    Returns
    -------
    param : ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit, or arrays overlap.
    """
    return _step(kernels.rmsprop, param, grad, (lr, decay_rate, 1 - decay_rate), {"h": h})


def adam(param, grad, m, v, lr_t, beta1, beta2):
    """Adam step, in place (D. Kingma and J. Ba, 2014, arXiv:1412.6980).

    ``m += (1 - beta1) * (grad - m); v += (1 - beta2) * (grad**2 - v);
    param -= lr_t * m / (sqrt(v) + 1e-7)``

    Parameters
    ----------
    param, m, v : ndarray of float32 or float64, of one dtype and shape
        Changed in place.
    grad : ndarray of param's dtype and shape
    lr_t : float
        The rate with this step's bias correction,
        ``lr * sqrt(1 - beta2**t) / (1 - beta1**t)``.
    beta1, beta2 : float

    Returns
    -------
    param : ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit, or arrays overlap.
    """
    return _step(kernels.adam, param, grad, (lr_t, 1 - beta1, 1 - beta2), {"m": m, "v": v})


def global_norm(arrays):
    """Euclidean norm of all arrays taken as one vector.

    Sums are in float64, in an order that does not depend on the number of threads.

    Parameters
    ----------
    arrays : iterable of ndarrays of float32 or float64, any shapes

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If a dtype does not fit.
    """
    total = 0.0
    for k, array in enumerate(arrays):
        total += _sum_squares(_check.floats(f"arrays[{k}]", array))
    return float(np.sqrt(total))


def scale(arrays, rate):
    """Multiply every array by rate, in place.

    Parameters
    ----------
    arrays : iterable of ndarrays of float32 or float64
        Changed in place.
    rate : float

    Raises
    ------
    TypeError, ValueError
        If an array is not a writable ndarray of float32 or float64; nothing is changed then.
    """
    arrays = list(arrays)
    for k, array in enumerate(arrays):
        dtype = _check.floats(f"arrays[{k}]", array).dtype
        _check.output(f"arrays[{k}]", array, np.shape(array), dtype, {})
    for array in arrays:
        _multiply(array if array.ndim else array.reshape(1), array.dtype.type(rate))


def _multiply(array, rate):
    width = array.size // max(1, array.shape[0])
    threads.share(
        array.shape[0],
        lambda lo, hi: np.multiply(array[lo:hi], rate, out=array[lo:hi]),
        grain=GRAIN // max(1, width) + 1,
    )


def _sum_squares(array):
    flat = _check.readonly(_in_order(array, _order(array)))
    sums = np.empty(-(-flat.size // CHUNK))
    threads.share(
        sums.size,
        lambda lo, hi: kernels.sum_squares(flat, CHUNK, sums, lo, hi),
        grain=GRAIN // CHUNK,
    )
    return float(np.sum(sums))


def _step(kernel, param, grad, scalars, states):
    """Check, then run kernel(grad, *scalars, *states, param) on flat views."""
    dtype = _check.floats("param", param).dtype
    grad = _check.floats("grad", grad, dtype=dtype)
    _check.shape("grad", grad, np.shape(param), "like param")
    others = {"grad": grad}
    for name, array in {**states, "param": param}.items():
        _check.output(name, array, np.shape(param), dtype, others)
        others[name] = array
    scalars = [dtype.type(scalar) for scalar in scalars]
    order = _order(param)
    written = [*states.values(), param]
    # flat views; where a layout allows none, a copy that is written back
    flats = [_in_order(array, order) for array in written]
    given = _check.readonly(_in_order(grad, order))
    threads.share(
        given.size,
        lambda lo, hi: kernel(given, *scalars, *flats, lo, hi),
        grain=GRAIN,
        align=16,
    )
    for array, flat in zip(written, flats, strict=True):
        if not np.may_share_memory(array, flat):
            array[...] = flat.reshape(array.shape, order=order)
    return param


def _order(array):
    """How array's entries lie in memory: F for transposed views, else C."""
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def _in_order(array, order):
    """The entries as one flat contiguous array: a view where the layout allows it."""
    return np.ascontiguousarray(array.ravel(order))
