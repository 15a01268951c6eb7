"""httpcore's events, for a request of httpx whose extension ``trace`` asks for them.

httpcore calls it with a name and a dict. Over HTTP/2 through hyper, the names that begin with
``http2.`` are told, and where a connection is made for the request, ``connection.connect_tcp`` or
``connection.connect_unix_socket``, and ``connection.start_tls``.
"""

from __future__ import annotations

import contextlib

from ..trace.watch import watching_dials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any, Callable

    from .. import HTTP20Response


class Told:
    """Tell of one step: ``with told(request, "http2.send_request_headers", ...)``.

    Args:
        tell: the extension ``trace``.
        name: of the step; ".started" and ".complete" or ".failed" come behind it.
        info: what the step has.
    """

    def __init__(
        self, tell: Callable[[str, dict[str, Any]], object] | None, name: str, info: dict[str, Any]
    ) -> None:
        self._tell = tell
        self._name = name
        self._info = info
        self._value: Any = None

    def note(self, response: HTTP20Response) -> None:
        """Note that the step returns the head of a response."""
        self._value = response.status, list(response.headers.raw)

    def end(self) -> None:
        """Tell that the step is complete; nothing happens after that."""
        self.__exit__(None, None, None)
        self._tell = None

    def __enter__(self) -> Told:  # noqa: PYI034 - typing.Self is of 3.11
        if self._tell is not None:
            self._tell(f"{self._name}.started", self._info)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._tell is None:
            return
        if error is None:
            self._tell(f"{self._name}.complete", {"return_value": self._value})
        else:
            self._tell(f"{self._name}.failed", {"exception": error})


class Untold:
    """A step of a request that has no extension ``trace``."""

    def end(self) -> None:
        """Do nothing: nobody is told."""

    def note(self, response: HTTP20Response) -> None:
        """Do nothing: nobody is told."""

    def __enter__(self) -> Untold:  # noqa: PYI034 - typing.Self is of 3.11
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: nobody is told."""


#: It has no state.
UNTOLD = Untold()


def told(request: Any, name: str, /, **info: Any) -> Told | Untold:
    """Tell of one step, if a request's extension ``trace`` asks for it.

    request: the library's or httpcore's. name, info: as ``Told`` takes them.
    """
    tell = request.extensions.get("trace")
    return UNTOLD if tell is None else Told(tell, name, info)


class Connecting:
    """An observer that tells of the making of connections by httpcore's names.

    tell: the extension ``trace``. timeout: seconds, for the information of the steps.
    """

    def __init__(self, tell: Callable[[str, dict[str, Any]], object], timeout: Any) -> None:
        self._tell = tell
        self._timeout = timeout
        self._name = ""
        self._host = ""
        self._is_secure = self._has_proxy = False

    def __call__(self, event: Any) -> None:
        """Take an event of a trace."""
        kind = type(event).__name__
        if kind == "Opening":
            self._host, self._is_secure = event.host, event.scheme == "https"
            self._has_proxy = bool(event.proxy)
            # The address of a Unix socket is its path.
            if event.address.endswith(f":{event.port}"):
                info = {"host": event.host, "port": event.port, "timeout": self._timeout}
                self._begin("connection.connect_tcp", info)
            else:
                info = {"path": event.address, "timeout": self._timeout}
                self._begin("connection.connect_unix_socket", info)
        elif kind in ("Connected", "Tunnelled"):
            self._end()
            if self._is_secure and (kind == "Tunnelled" or not self._has_proxy):
                info = {"server_hostname": self._host, "timeout": self._timeout}
                self._begin("connection.start_tls", info)
        elif kind == "TLSDone":
            self._end()

    def _begin(self, name: str, info: dict[str, Any]) -> None:
        self._name = name
        self._tell(f"{name}.started", info)

    def _end(self) -> None:
        if self._name:
            self._tell(f"{self._name}.complete", {"return_value": None})
        self._name = ""

    def fail(self, error: BaseException) -> None:
        """Tell that the step that is under way has failed, if there is one."""
        if self._name:
            self._tell(f"{self._name}.failed", {"exception": error})
        self._name = ""


@contextlib.contextmanager
def connecting(request: Any, timeout: Any) -> Iterator[None]:
    """Tell a request's extension ``trace`` of a connection that is made for it inside."""
    tell = request.extensions.get("trace")
    if tell is None:
        yield
        return
    steps = Connecting(tell, timeout)
    with watching_dials(steps):
        try:
            yield
        except BaseException as error:  # it is raised again
            steps.fail(error)
            raise
