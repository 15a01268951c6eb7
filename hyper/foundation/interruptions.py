"""Interruptions: exceptions of the program's own that strike in the middle of hyper's code.

A signal handler may raise any exception, between any two steps.  ``TimeoutError`` is the usual one,
which is an OSError, too.  Where hyper catches what the system, or a window manager, has raised,
it asks here whether that is what it has caught.
"""

from __future__ import annotations

from http.client import HTTPException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from typing_extensions import TypeGuard


def is_of_system(error: BaseException) -> TypeGuard[OSError]:
    """True if the system, TLS or hyper itself has raised this; False for an interruption.

    The system's errors have a number, and so have those of TLS.  Those that hyper makes are
    HTTPExceptions.
    """
    if not isinstance(error, OSError):
        return False
    has_source = error.errno is not None or isinstance(error, HTTPException)
    return has_source and not is_of_signal(error)


def is_of_signal(error: BaseException) -> bool:
    """True if a signal handler that is installed now has raised this."""
    codes = _codes_of_signals()
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code in codes:
            return True
        traceback = traceback.tb_next
    return False


class OSErrorsDropped:
    """``with OSErrorsDropped():`` drops an OSError, unless a signal handler has raised it."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        return isinstance(error, OSError) and not is_of_signal(error)


def _codes_of_signals() -> set[CodeType]:
    """Return the code of the functions that the program runs at signals."""
    import signal  # not before: such an exception is rare

    codes = set()
    for number in signal.valid_signals():
        function: Any = signal.getsignal(number)
        while hasattr(function, "func"):  # functools.partial
            function = function.func
        if not hasattr(function, "__code__"):  # an object that can be called
            function = getattr(type(function), "__call__", None)  # noqa: B004 - of the class
        code = getattr(function, "__code__", None)
        if code is not None:
            codes.add(code)
    return codes
