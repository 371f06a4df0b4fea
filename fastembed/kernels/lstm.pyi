from numpy import ndarray

def isa() -> str: ...
def sizes(
    dtype_number: int, N: int, T: int, D: int, H: int, members: int
) -> tuple[int, int, int] | None: ...
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
def gang_forward(
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    h0: ndarray | None,
    c0: ndarray | None,
    saved: ndarray,
    scratch: ndarray,
    hs: ndarray,
    h: ndarray,
    c: ndarray,
    member: int,
    members: int,
    sync: ndarray | None,
) -> None: ...
def gang_backward(
    dhs: ndarray,
    dc_last: ndarray | None,
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    saved: ndarray,
    scratch: ndarray,
    dxs: ndarray,
    dh: ndarray,
    dc: ndarray,
    dWx: ndarray,
    dWh: ndarray,
    db: ndarray,
    member: int,
    members: int,
    sync: ndarray | None,
) -> None: ...
