"""Whether methods of another library are that library's own still.

Mocks and tracers put functions of theirs in the place of methods that hyper's integrations would
pass by. Nothing may be passed by in silence: an integration goes through them, or by HTTP/1.1.
"""

from __future__ import annotations

from types import FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_own(thing: Any, name: str) -> bool:
    """True if nobody has replaced a method of a class, or of one object.

    A method that is the library's own is a plain function of the package of its class. So it does
    not matter whether it was replaced before or after hyper was imported.
    """
    owner = thing if isinstance(thing, type) else type(thing)
    if owner is not thing and name in getattr(thing, "__dict__", ()):
        return False
    for base in owner.__mro__:
        method = base.__dict__.get(name)
        if method is not None:
            return is_function_of(method, base.__module__)
    return True


def method_of(method: Any, thing: Any) -> Any:
    """Return the function of a bound method of an object; None if it is not a plain one."""
    # A tracer's wrapper would give the function inside it.
    return method.__func__ if type(method) is MethodType and method.__self__ is thing else None


class OwnFunction:
    """Whether a function is a library's own, looked at anew only where it is another one.

    Args:
        module: the library's, or one of it.
    """

    __slots__ = ("_module", "_seen")

    def __init__(self, module: str) -> None:
        self._module = module
        #: what was looked at last, and whether it is the library's
        self._seen: tuple[Any, bool] = (None, False)

    def is_it(self, function: Any) -> bool:
        """True if it is. HOT: once a request."""
        seen, is_own = self._seen
        if function is not seen:
            is_own = is_function_of(function, self._module)
            self._seen = function, is_own
        return is_own


def is_function_of(function: Any, module: str) -> bool:
    """True if it is a plain function that was defined in the package of a module."""
    if type(function) is not FunctionType:
        return False
    name: str = function.__globals__["__name__"]
    return package(name) == package(module)


def package(module: str) -> str:
    """Return the name of the package at the top, ``urllib3`` of ``urllib3.util.retry``."""
    return module.partition(".")[0]
