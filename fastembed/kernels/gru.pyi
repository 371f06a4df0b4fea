from numpy import ndarray

def forward(
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    gates: ndarray,
    h_prev: ndarray,
    rh: ndarray,
    hs: ndarray,
    h: ndarray,
) -> None: ...
def backward(
    dhs: ndarray,
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    gates: ndarray,
    h_prev: ndarray,
    rh: ndarray,
    da: ndarray,
    drh: ndarray,
    dxs: ndarray,
    dh: ndarray,
    dWx: ndarray,
    dWh: ndarray,
    db: ndarray,
) -> None: ...
