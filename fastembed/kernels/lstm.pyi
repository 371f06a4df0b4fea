from numpy import ndarray

def isa() -> str: ...
def forward(
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    gates: ndarray,
    h_prev: ndarray,
    cells: ndarray,
    hs: ndarray,
    h: ndarray,
    c: ndarray,
) -> None: ...
def backward(
    dhs: ndarray,
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    gates: ndarray,
    h_prev: ndarray,
    cells: ndarray,
    da: ndarray,
    dxs: ndarray,
    dh: ndarray,
    dc: ndarray,
    dWx: ndarray,
    dWh: ndarray,
    db: ndarray,
) -> None: ...
