from numpy import ndarray

def forward(
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    h_prev: ndarray,
    last: ndarray,
    hs: ndarray,
    h: ndarray,
) -> None: ...
def backward(
    dhs: ndarray,
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    h_prev: ndarray,
    last: ndarray,
    da: ndarray,
    dxs: ndarray,
    dh: ndarray,
    dWx: ndarray,
    dWh: ndarray,
    db: ndarray,
) -> None: ...
