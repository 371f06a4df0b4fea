"""The book's switch between CPU and GPU. fastembed computes on the CPU: True is refused."""

import sys
from types import ModuleType
from typing import Any

GPU = False


class _Config(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        if name == "GPU" and value:
            raise ValueError(f"config.GPU must be False, got {value!r}: fastembed has no GPU mode")
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Config
