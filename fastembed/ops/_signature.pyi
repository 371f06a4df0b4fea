from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from typing_extensions import disjoint_base

_Function = TypeVar("_Function", bound=Callable[..., Any])
KINDS: dict[str, int]
TERMS: dict[str, str]

@disjoint_base
class Signature:
    def __init__(self, table: str, order: str | None = None) -> None: ...
    def again(
        self,
        door: Callable[..., Any],
        given: Sequence[Any],
        out: object = None,
        rest: tuple[object, ...] = (),
        ignore_label: int | None = None,
    ) -> Any: ...
    def made_fit(
        self,
        given: Sequence[Any],
        places: Sequence[Any] = (),
        ignore_label: int | None = None,
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]: ...
    def documents(self, function: _Function) -> _Function: ...
