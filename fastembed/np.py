"""``from fastembed.np import *`` hands on NumPy as ``np``, as the book's ``common.np`` does."""

import numpy as np

from fastembed.config import GPU

__all__ = ["GPU", "np"]
