from numpy import ndarray

def gather_reduced_if_fit(
    W: object, scales: object, idx: object, out: object = None
) -> ndarray | None: ...
