"""http.client's ``getresponse`` and the methods of its response, wrapped by another program.

Tracers and error trackers wrap them on http.client's classes. hyper has methods of its own in their
place. While one of http.client's is wrapped, a call goes through it over HTTP/2 as over HTTP/1.1:

::

    getresponse    the wrapped one; http.client's own below it makes a response of the connection's
                   ``response_class``, which is a function here that waits for the stream
    read, ...      the wrapped one; http.client's own below it reads from ``fp``, which is the
                   response itself
    close          hyper's own, whose next class in line is http.client's
"""

from __future__ import annotations

import contextlib
import functools
import io
import operator
import sys

from ..errors import shown
from ..http1 import HTTPResponse
from . import bases, watched
from .response import DropinResponse
from .states import AWAITED, HAS_STREAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

#: The methods of http.client's response that hyper's has as well.
NAMES = (
    *("begin", "close", "fileno", "getcode", "getheader", "getheaders", "geturl", "info"),
    *("isclosed", "peek", "read", "read1", "readinto", "readline"),
)

readers = operator.attrgetter(*NAMES)

#: The methods by which a response is made, http.client's and hyper's of HTTP/1.1; None in the place
#: of one that was wrapped before.
OWN_ANSWERERS = (
    *bases.own_of(bases.HTTPSConnection, ("getresponse",)),
    *bases.own_of(bases.HTTPResponse, ("begin",)),
    *bases.own_of(HTTPResponse, ("begin",)),
)

#: http.client's own; None in the place of one that was wrapped before.
HTTP_CLIENT_READERS = bases.own_of(bases.HTTPResponse, NAMES)

#: Those that hyper's has in HTTP/1.1 as well.
HTTP_CLIENT_OVERRIDDEN = bases.own_of(bases.HTTPResponse, ("begin", "peek"))

#: The same as HTTP_CLIENT_READERS, but hyper's of HTTP/1.1 where it has one.
OWN_READERS = bases.own_of(HTTPResponse, NAMES)


def is_answerer_wrapped() -> bool:
    """True if another program has replaced a method by which a response is made."""
    getresponse = bases.HTTPSConnection.getresponse
    found = getresponse, bases.HTTPResponse.begin, HTTPResponse.begin
    return not bases.are_same(found, OWN_ANSWERERS)


def is_wrapped() -> bool:
    """True if another program has replaced a method of http.client's response, or of hyper's."""
    overridden = bases.HTTPResponse.begin, bases.HTTPResponse.peek
    is_own = bases.are_same(overridden, HTTP_CLIENT_OVERRIDDEN)
    return not (is_own and bases.are_same(readers(HTTPResponse), OWN_READERS))


def _passed(name: str, own: Callable[..., Any]) -> Any:
    """Return a method that goes through the wrapped one of http.client's, if it is wrapped."""
    place = NAMES.index(name)
    # hyper's in HTTP/1.1 may have the same method, which calls http.client's.
    unwrapped = HTTP_CLIENT_READERS[place], OWN_READERS[place]

    @functools.wraps(own)
    def method(self: WrappedResponse, *arguments: Any, **options: Any) -> Any:
        found = getattr(bases.HTTPResponse, name), getattr(HTTPResponse, name)
        if self._is_passing or bases.are_same(found, unwrapped):
            return own(self, *arguments, **options)
        self._is_passing = True
        try:
            return found[-1](self, *arguments, **options)
        finally:
            self._is_passing = False

    return method


class WrappedResponse(DropinResponse, HTTPResponse):  # type: ignore[misc, override] # the first's
    """A response over HTTP/2 whose methods are called by way of http.client's wrapped ones."""

    #: hyper's responses know themselves whether they have content
    _method = "GET"
    #: True while http.client's function runs, which calls the methods of ``fp``: those are hyper's
    _is_passing = False

    @property
    def length(self) -> int | None:
        """Octets of content not yet read; what http.client's functions set it to is no news."""
        return super().length

    @length.setter
    def length(self, length: int | None) -> None:
        """Do nothing: hyper counts for itself."""

    begin = _passed("begin", DropinResponse.begin)
    fileno = _passed("fileno", DropinResponse.fileno)
    getcode = _passed("getcode", DropinResponse.getcode)
    getheader = _passed("getheader", DropinResponse.getheader)
    getheaders = _passed("getheaders", DropinResponse.getheaders)
    geturl = _passed("geturl", DropinResponse.geturl)
    info = _passed("info", DropinResponse.info)
    isclosed = _passed("isclosed", DropinResponse.isclosed)
    peek = _passed("peek", DropinResponse.peek)
    read = _passed("read", DropinResponse.read)
    read1 = _passed("read1", DropinResponse.read1)
    readinto = _passed("readinto", io.BufferedIOBase.readinto)  # not the next in line
    readline = _passed("readline", DropinResponse.readline)

    def _safe_read(self, _amt: int) -> bytes:
        octets: bytes = self.read()  # whether it is whole is hyper's to tell
        return octets

    def _close_conn(self) -> None:
        """Do nothing: ``fp`` is the response, which is closed by its own rules."""

    def flush(self) -> None:
        """Do nothing: http.client's would flush ``fp``, which is the response."""

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        super().__del__()
        if not self.closed and not is_finalizing():
            # A file's finalizer calls ``close``, and so its wrapper.
            with contextlib.suppress(Exception):  # a finalizer's would only be printed
                HTTPResponse.close(self)


@contextlib.contextmanager
def making(connection: Any, response_class: Any) -> Iterator[None]:
    """Have a connection of http.client's make its responses of another class meanwhile."""
    given = connection.__dict__.get("response_class")
    connection.response_class = response_class
    try:
        yield
    finally:
        del connection.response_class
        if given is not None:
            connection.response_class = given


def shown_refusals(open_tunnel: Callable[[Any], None]) -> Callable[[Any], None]:
    """Have the words of a proxy that refuses a tunnel escaped and cut: http.client shows them raw.

    It is no context manager: up to Python 3.10, one that an exception leaves makes a circle of
    frame and exception, and the socket in it would be closed late.
    """

    @functools.wraps(open_tunnel)
    def shown_tunnel(connection: Any) -> None:
        connection.is_tunnelling = True
        try:
            open_tunnel(connection)
        except OSError as error:
            if type(error) is OSError and len(error.args) == 1:
                error.args = (shown(str(error.args[0])),)
            raise
        finally:
            connection.is_tunnelling = False

    return shown_tunnel


def begin_http1(connection: Any) -> Any:
    """Begin a response in HTTP/1.1 with which http.client's ``getresponse`` goes on.

    That is at work already, below a wrapper: the wrapper is not called a second time.
    """
    options = connection._session_options  # noqa: SLF001 - this is a part of the connection
    return watched.told_response(options, connection.sock, functools.partial(_begun, connection))


def _begun(connection: Any) -> Any:
    level = (connection.debuglevel,) if connection.debuglevel > 0 else ()
    method = connection._method  # noqa: SLF001 - as above
    response = connection.response_class(connection.sock, *level, method=method)
    try:
        response.begin()
    except BaseException as error:  # it is raised again
        if isinstance(error, ConnectionError):
            connection.close()
        response.close()
        raise
    return response


def get_response(connection: Any, wrapped: Callable[[], Any], wait: Callable[[], Any]) -> Any:
    """Return the response of a connection, by way of http.client's wrapped ``getresponse``.

    connection: one of the drop-in's that awaits a response over HTTP/2. wait: gives that response,
    or one that has begun in HTTP/1.1, if the server has asked for that: then http.client's own
    function goes on with it.
    """
    given = connection.response_class
    steps = [HAS_STREAM]

    def response_class(*_arguments: Any, **_options: Any) -> Any:
        step(steps.pop())
        with making(connection, given):
            return wait()

    step = connection._step  # noqa: SLF001 - this is a part of the connection
    connection.is_passing = True
    step(AWAITED)  # else http.client's function would refuse
    try:
        with making(connection, response_class):
            response = wrapped()
    finally:
        connection.is_passing = False
        for each in steps:  # the wrapper has not called http.client's function
            step(each)
    if isinstance(response, DropinResponse):
        # http.client keeps it, and would take no request before it is read.
        connection._HTTPConnection__response = None  # noqa: SLF001 - as above
    return response
