"""http.client's classes as they are when hyper is imported.

Other libraries put classes of their own in the place of these, or hyper's.  hyper's classes are
made when they are first asked for, and must not depend on that moment.
"""

from __future__ import annotations

import functools
import http.client
import operator
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    Made = TypeVar("Made")

__all__ = ["HTTPConnection", "HTTPResponse", "HTTPSConnection"]

#: The methods of http.client's that decide what is written for a request, or see it written.
WRITERS = (
    *("request", "_send_request", "putrequest", "putheader", "endheaders"),
    *("_send_output", "send"),
)

#: The arguments of http.client's constructors.
HTTP_CLIENT_OPTIONS = frozenset(
    ("host", "port", "timeout", "source_address", "blocksize", "context", "max_response_headers")
)

writers: Callable[[Any], tuple[Any, ...]] = operator.attrgetter(*WRITERS)


def are_same(found: tuple[Any, ...], known: tuple[Any, ...]) -> bool:
    """True if methods are the very objects that they were.

    A tracer's wrapper may be equal to the function inside it: those of the package wrapt are.
    """
    return all(map(operator.is_, found, known))


#: The modules whose functions are not another library's.
_OWN = ("http.client", "hyper.http1")


def own_of(cls: type, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return methods of a class of http.client's; None for each that another library has replaced.

    cls: it may be a subclass of hyper's.
    """
    methods = [getattr(cls, name) for name in names]
    return tuple(
        method if type(method) is FunctionType and method.__globals__["__name__"] in _OWN else None
        for method in methods
    )


#: http.client's own, as hyper finds them when it is imported.
HTTP_CLIENT_WRITERS = own_of(HTTPConnection, WRITERS)

#: True if http.client's constructors have this option, of newer Pythons: how many fields an answer
#: in HTTP/1.1 may have.  Elsewhere that is a hundred, and hyper's constructors ignore it.
TAKES_MAX_RESPONSE_HEADERS: bool = "max_response_headers" in getattr(
    getattr(HTTPConnection.__init__, "__code__", None), "co_varnames", ()
)


def made(cls: type[Made], arguments: Any, options: dict[str, Any], *, is_own: bool) -> Made:
    """Return a new connection of a class of hyper's; of a recorder's that is in the way instead.

    A class in the place of http.client's that is no subclass of it plays the server, or records
    what it says. A script that uses http.client would get a connection of it.

    is_own: False for a subclass of hyper's class, which keeps what it is.
    """
    original = HTTPSConnection if issubclass(cls, HTTPSConnection) else HTTPConnection
    found: Any = getattr(http.client, original.__name__)
    if found is original or not is_own or options.get("http2"):
        return object.__new__(cls)
    if not isinstance(found, type) or issubclass(found, original):
        return object.__new__(cls)
    import logging  # not before: most programs need none

    logging.getLogger("hyper").info(
        "%s stands in the place of http.client.%s, and gets this connection", found, original
    )
    known = {key: options[key] for key in HTTP_CLIENT_OPTIONS & options.keys()}
    return found(*arguments, **known)  # type: ignore[return-value] # a recorder's, as above


def show_signatures(plain: Any, secure: Any) -> None:
    """Let help() and ``inspect`` show the arguments of hyper's two classes."""
    functools.update_wrapper(plain.__new__, plain.__init__)
    for method in (secure.__init__, secure.__new__):
        functools.update_wrapper(method, HTTPSConnection.__init__)


def init_https(connection: HTTPSConnection, *arguments: Any, **options: Any) -> None:
    """Call http.client's ``HTTPSConnection.__init__``.

    That calls ``super(HTTPSConnection, self)``, by a global name.  If a script has put another
    class there, the function runs with the class as it was.
    """
    init: Any = HTTPSConnection.__init__
    if http.client.HTTPSConnection is not HTTPSConnection and type(init) is FunctionType:
        own_globals = {**init.__globals__, "HTTPSConnection": HTTPSConnection}
        defaults = init.__kwdefaults__
        init = FunctionType(
            init.__code__, own_globals, init.__name__, init.__defaults__, init.__closure__
        )
        init.__kwdefaults__ = defaults
    init(connection, *arguments, **options)
