"""A wrapper of a method, equal to the function inside it, as those of the package wrapt are."""

from __future__ import annotations

from typing import Any, Callable


class EqualWrapper:
    """A descriptor for the place of a method of a class: ``EqualWrapper(Class.name, wrapper)``.

    Args:
        given: the method.
        wrapper: it is called with the method, bound, and the arguments of each call.
    """

    def __init__(self, given: Any, wrapper: Callable[..., Any], bound_to: Any = None) -> None:
        self._given = given
        self._wrapper = wrapper
        self._bound_to = bound_to

    def __get__(self, instance: Any, owner: type) -> EqualWrapper:
        return EqualWrapper(self._given, self._wrapper, instance)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        given = self._given
        if self._bound_to is not None:
            given = given.__get__(self._bound_to, type(self._bound_to))
        return self._wrapper(given, *arguments, **options)

    def __eq__(self, other: object) -> bool:
        return bool(self._given == other)

    def __hash__(self) -> int:
        return hash(self._given)
