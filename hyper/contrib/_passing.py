"""A pool of urllib3's whose ``urlopen`` another program has wrapped, over HTTP/2.

Tracers wrap ``urlopen``, and call the original. That one takes a connection from the pool and gives
it to ``_make_request``. Here the connection is a placeholder, and the request goes over HTTP/2.
"""

from __future__ import annotations

import abc
import contextlib
import threading

from urllib3.connectionpool import HTTPSConnectionPool

from ._requests import Content, Exchange, Lent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: ``pool`` is the pool whose request goes through a wrapper of ``urlopen`` in this thread.
_passing = threading.local()


class PassingPool(HTTPSConnectionPool, abc.ABC):
    """Its ``urlopen`` sends by ``_attempt`` inside ``with pool.passing()``."""

    @property
    def is_passing(self) -> bool:
        """True if this thread is inside ``with pool.passing()``."""
        return getattr(_passing, "pool", None) is self

    @abc.abstractmethod
    def _attempt(self, exchange: Exchange) -> Any:
        """Send a request once; None if it is to go over HTTP/1.1."""

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        """Have urllib3's ``urlopen``, which is wrapped, send by ``_make_request`` below.

        Returns:
            A context manager for ``with``.
        """
        former = getattr(_passing, "pool", None)
        _passing.pool = self
        try:
            yield
        finally:
            _passing.pool = former

    def _get_conn(self, timeout: float | None = None) -> Any:
        if self.is_passing:
            return Lent(self, None)
        return super()._get_conn(timeout)

    def _put_conn(self, conn: Any) -> None:
        # None stands for a connection that has failed: none was taken.
        if not (isinstance(conn, Lent) or (conn is None and self.is_passing)):
            super()._put_conn(conn)

    def _make_request(
        self, conn: Any, method: str, url: str, body: Any = None, headers: Any = None, **more: Any
    ) -> Any:
        if not isinstance(conn, Lent):
            return super()._make_request(conn, method, url, body=body, headers=headers, **more)
        exchange = Exchange.of(self, method, url, Content(body), headers, more)
        response = self._attempt(exchange)
        if response is not None:
            return response
        real = super()._get_conn()
        try:
            if self.proxy is not None and real.is_closed:
                self._prepare_proxy(real)
            more["response_conn"] = None if more.get("preload_content", True) else real
            answer = super()._make_request(
                real, method, url, body=exchange.content.given, headers=headers, **more
            )
        except BaseException:  # the place in the pool is given back
            real.close()
            super()._put_conn(None)
            raise
        if more["response_conn"] is None:
            super()._put_conn(real)
        return answer
