from numpy import ndarray
from numpy.typing import ArrayLike
from typing_extensions import disjoint_base

@disjoint_base
class Groups:
    rows: ndarray
    def places(self) -> ndarray: ...

def coalesce(
    idx: ArrayLike,
    dout: ndarray,
    num_rows: int,
    *,
    padding_idx: int | None = None,
    mean: bool = False,
) -> tuple[ndarray, ndarray]: ...
def coalesce_if_fit(
    idx: object, dout: object, num_rows: int, skip: int, mean: bool
) -> tuple[ndarray, ndarray] | None: ...
def groups_if_fit(idx: object, bound: int, skip: int = -1) -> Groups | None: ...
