from numpy import float64, ndarray
from numpy.typing import ArrayLike

def alias_table(p: ndarray) -> tuple[ndarray, ndarray]: ...
def train_word2vec(
    W_in: ndarray,
    W_out: ndarray,
    ids: ArrayLike,
    keep: ndarray,
    accept: ndarray,
    alias: ArrayLike,
    *,
    start: int = 0,
    stop: int | None = None,
    window: int = 5,
    negative: int = 5,
    lr: float = 0.025,
    seed: int = 0,
    shrink_windows: bool = True,
    skip_gram: bool = False,
    mean: bool = True,
    batch: int = 16,
    deterministic: bool = True,
) -> tuple[float64, int]: ...
