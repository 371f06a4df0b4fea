from numpy import ndarray
from numpy.typing import ArrayLike

def negative_samples(p: ndarray, targets: ArrayLike, size: int) -> ndarray: ...
