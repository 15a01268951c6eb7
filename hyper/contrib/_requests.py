"""The parts of the integration of requests: one request, its content, and urllib3's response."""

from __future__ import annotations

import io
import operator
import re
import socket
import ssl
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote

from urllib3 import __version__ as urllib3_version
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse
from urllib3.util import Timeout, connection
from urllib3.util.request import SKIP_HEADER, SKIPPABLE_HEADERS
from urllib3.util.ssl_ import assert_fingerprint, is_ipaddress

from ..foundation.interruptions import OSErrorsDropped, is_of_signal
from . import _passage
from ._replaced import is_function_of, is_own, package

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import Any

    from .. import HTTP20Connection, HTTP20Response

#: Options of a request that are urllib3's response's.
RESPONSE_OPTIONS = ("preload_content", "decode_content", "enforce_content_length")

#: Characters that stay as they are in a URL: printable ASCII. requests has quoted all others
#: already, unless ``PreparedRequest.url`` was changed after that.
URL_CHARACTERS = "".join(map(chr, range(0x21, 0x7F)))
OTHER_CHARACTER = re.compile(r"[^\x21-\x7e]").search

#: The field of a request that has none of its own.
USER_AGENT: str = f"python-urllib3/{urllib3_version}"

#: The modules whose files read other octets than their descriptors' files have.
PACKED = ("bz2", "compression", "gzip", "lzma")

LENGTH = "content-length"

#: Octets that are read at a time from a text file, whose text is then coded.
READ_SIZE = 64 * 1024


def _is_complete(headers: list[tuple[str, str]]) -> bool:
    """True if fields with names in lower case can go out as they are: nothing is skipped or added.

    It looks at all of them at once, as most requests are so. Octets among them need another look.
    """
    try:
        names, values = zip(*headers)
        is_skipped = SKIP_HEADER in "\n".join(names + values)
    except (TypeError, ValueError):  # octets; no field at all
        return False
    return not is_skipped and "user-agent" in names


def _require_skippable(names: frozenset[str]) -> None:
    """Raise ValueError where SKIP_HEADER stands for a field that nobody would add."""
    if not names <= SKIPPABLE_HEADERS:
        raise ValueError(
            f"SKIP_HEADER cannot be used for {', '.join(sorted(names - SKIPPABLE_HEADERS))}: it"
            f" keeps urllib3 from adding {', '.join(sorted(SKIPPABLE_HEADERS))}"
        )


def _text(name: str | bytes) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name


class Response(HTTPResponse):
    """urllib3's response, whose streams give what has come, as they do of chunked HTTP/1.1."""

    def stream(
        self, amt: int | None = 2**16, decode_content: bool | None = None
    ) -> Generator[bytes, None, None]:
        """Iterate the content: what has come, at most amt octets at a time; None for no limit.

        A response with a content-length gives blocks of amt octets, as over HTTP/1.1.
        """
        if "content-length" in self.headers or not hasattr(self, "read1"):  # urllib3 2.0 has none
            yield from super().stream(amt, decode_content)
            return
        while amt != 0:
            octets = self.read1(amt, decode_content)
            if not octets:
                return
            yield octets


#: Methods that other programs replace, and that hyper would pass by. ``urlopen`` stands first: a
#: wrapper of it is gone through.
METHODS = ("urlopen", "_get_conn", "_new_conn", "_make_request", "_put_conn", "_validate_conn")

#: Likewise of urllib3's connections.
CONNECTION_METHODS = ("connect", "_new_conn", "request", "getresponse")

_methods = operator.attrgetter(*METHODS)
_connection_methods = operator.attrgetter(*CONNECTION_METHODS)


def replaceable(pool: Any) -> tuple[Any, ...]:
    """Give what a program may have replaced, for comparison with what it was."""
    return (
        *_methods(HTTPSConnectionPool),
        *_connection_methods(HTTPSConnection),
        pool.ConnectionCls,
        connection.create_connection,
    )


def what_is_replaced(pool: Any) -> list[str]:
    """Give the names of what a mock or a tracer has replaced; ``urlopen`` does not count."""
    names = [name for name in METHODS[1:] if not is_own(HTTPSConnectionPool, name)]
    names += [
        f"HTTPSConnection.{name}"
        for name in CONNECTION_METHODS
        if not is_own(HTTPSConnection, name)
    ]
    if package(pool.ConnectionCls.__module__) not in ("urllib3", "hyper"):
        names.append("ConnectionCls")
    if not is_function_of(connection.create_connection, "urllib3"):
        names.append("create_connection")
    return names


class Alias(NamedTuple):
    """The name that a certificate shall have, where the URL has an address.

    It is the host of hyper's connections, which ``resolve`` leads to the address.
    """

    name: str
    address: str

    @classmethod
    def of(cls, pool: Any) -> Alias | None:
        """Give the alias that a pool needs, or None."""
        name: Any = pool.assert_hostname
        if name and isinstance(name, str) and pool.proxy is None and is_ipaddress(pool.host):
            return cls(name, pool.host)
        return None

    def resolve(self, _host: str, port: int) -> list[Any]:
        """Give the address for the name, as ``socket.getaddrinfo``."""
        return socket.getaddrinfo(self.address, port, type=socket.SOCK_STREAM)

    def with_host(self, headers: list[tuple[str, str]], port: int | None) -> list[tuple[str, str]]:
        """Give a request's fields with the URL's host among them, unless they have another."""
        if any(_text(name).lower() == "host" for name, _ in headers):
            return headers
        host = f"[{self.address}]" if ":" in self.address else self.address
        return [("Host", host if port in (None, 443) else f"{host}:{port}"), *headers]


def pin_of(pool: Any) -> Any:
    """Give the question that ends a handshake where a pool has a fingerprint, or None."""
    fingerprint: Any = pool.assert_fingerprint
    if not fingerprint:
        return None

    def pin(chain: list[bytes]) -> bool:
        try:
            assert_fingerprint(chain[0] if chain else None, fingerprint)
        except HTTPError as error:
            raise ssl.SSLError(str(error)) from None
        return True

    return pin


class Exchange:
    """One request, which may be sent several times."""

    def __init__(
        self,
        method: str,
        url: str,
        content: Content,
        headers: Mapping[str, str],
        timeout: Any,
        options: dict[str, Any],
    ) -> None:
        self.method = method
        self.url = url
        self.content = content
        #: whether a program has wrapped methods of http.client's, and is to see the request
        self.is_seen: bool = _passage.is_wrapped()
        # requests' mapping asks for each field by its name again, but for the names in lower case,
        # as HTTP/2 has them (RFC 9113, 8.2.1).
        lower_items: Any = None if self.is_seen else getattr(headers, "lower_items", None)
        #: pairs
        self.headers: list[tuple[str, str]] = list((lower_items or headers.items)())
        #: fields that nobody may add: urllib3's SKIP_HEADER stands in their place
        self.skipped: frozenset[str] = frozenset()
        if lower_items is None or not _is_complete(self.headers):
            self._complete()
        self._timeout = timeout
        #: keyword arguments of urllib3's response
        self.options = options

    def _complete(self) -> None:
        """Leave out what is to be skipped, and add the field without which some servers refuse."""
        names = [_text(name).lower() for name, _ in self.headers]
        self.skipped = frozenset(
            name
            for name, (_, value) in zip(names, self.headers)
            if isinstance(value, str) and value == SKIP_HEADER  # ``python -bb`` warns of octets
        )
        if self.skipped:
            _require_skippable(self.skipped)
            pairs = zip(names, self.headers)
            self.headers = [pair for name, pair in pairs if name not in self.skipped]
        if "user-agent" not in names:
            # urllib3 adds it to a request that was prepared without a session.
            self.headers.append(("User-Agent", USER_AGENT))

    @classmethod
    def of(
        cls,
        pool: Any,
        method: str,
        url: str,
        content: Content,
        headers: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> Exchange:
        """Give the request for which urllib3 was given these options."""
        return cls(
            method,
            quote(url, safe=URL_CHARACTERS) if OTHER_CHARACTER(url) else url,
            content,
            headers,
            options.get("timeout", pool.timeout),
            {name: options.get(name, True) for name in RESPONSE_OPTIONS},
        )

    def timeout(self) -> Timeout:
        """urllib3's Timeout for one attempt, started."""
        given = self._timeout
        if isinstance(given, Timeout) and given.total is None:
            return given  # no clock counts, so that nothing has to start
        timeout = given.clone() if isinstance(given, Timeout) else Timeout.from_float(given)
        timeout.start_connect()
        return timeout


class Content:
    """A request's content, and whether it can be sent again."""

    def __init__(self, given: Any) -> None:
        # Text in UTF-8, as urllib3 sends it. Elsewhere in hyper it is latin-1, as in http.client.
        self.given: Any = given.encode() if isinstance(given, str) else given
        self._is_taken = False
        self._position: int | None = None
        if hasattr(given, "read"):
            with suppress(AttributeError, ValueError), OSErrorsDropped():
                self._position = given.tell()

    def take(self) -> Any:
        """The content, as hyper sends it; some of it may be consumed from now on."""
        self._is_taken = True
        given = self.given
        if isinstance(given, io.TextIOBase):
            return (text.encode() for text in iter(lambda: given.read(READ_SIZE), ""))
        if given is None or hasattr(given, "read") or _is_octets(given):
            return given
        if iter(given) is given:
            return _encoded(given)
        return lambda: _encoded(given)  # called for each sending (RFC 9113, 8.7)

    def rewind(self) -> bool:
        """Go back to the beginning; returns False if that is impossible."""
        if not self._is_taken or self.given is None or _is_octets(self.given):
            return True
        if hasattr(self.given, "read"):
            if self._position is None:
                return False
            try:
                self.given.seek(self._position)
            except (AttributeError, OSError, ValueError) as error:
                if is_of_signal(error):
                    raise
                return False
            return True
        return iter(self.given) is not self.given  # a list can be iterated again, a generator not


def with_right_length(headers: Any, body: Any) -> Any:
    """Give a request's fields without a content-length that is known to be wrong.

    requests announces what a file's descriptor says, which is the size before unpacking, and
    characters of an ``io.StringIO``, which are sent in UTF-8. Others are taken at their word.
    """
    if not hasattr(body, "read") or not headers:
        return headers
    file = body.raw if type(body) is io.BufferedReader else body
    is_packed = type(file).__module__.partition(".")[0] in PACKED
    if not (is_packed or isinstance(body, io.StringIO)):
        return headers
    fields = {name: value for name, value in headers.items() if _text(name).lower() != LENGTH}
    if len(fields) < len(headers) and not is_packed:
        fields[LENGTH] = str(len(body.getvalue()[body.tell() :].encode()))
    return fields


def _encoded(pieces: Any) -> Any:
    return (piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def _is_octets(given: Any) -> bool:
    return isinstance(given, (bytes, bytearray, memoryview))


def seconds_of(timeout: Any) -> float | None:
    # urllib3 has an object that stands for the default, as http.client has.
    if timeout is None or isinstance(timeout, (int, float)):
        return timeout
    return socket.getdefaulttimeout()


class Lent:
    """A connection as urllib3 shows one at ``response.connection`` until the content was read.

    ``sock`` is there for looking at, for example for the server's certificate.
    """

    #: of urllib3's connections; the real one is hyper's pool's
    proxy = None
    is_closed = False
    is_verified = True
    has_connected_to_proxy = True

    def __init__(self, pool: Any, connection: HTTP20Connection | None) -> None:
        self.host, self.port = pool.host, pool.port
        self.timeout: Any = None
        self._connection = connection

    @property
    def sock(self) -> Any:
        """The connected socket to look at; None while there is none."""
        return None if self._connection is None else self._connection.sock

    def close(self) -> None:
        """Do nothing: other requests share the connection."""


def as_urllib3(
    response: HTTP20Response, pool: Any, exchange: Exchange, carrier: HTTP20Connection
) -> HTTPResponse:
    """urllib3's response around one of hyper's; urllib3's decodes the content if asked to."""
    message = Response(
        body=response,
        headers=response.getheaders(),  # urllib3 takes pairs
        status=response.status,
        version=response.version,
        reason=response.reason,
        original_response=response,  # has the methods of http.client's that urllib3 calls
        pool=pool,
        connection=Lent(pool, carrier),
        request_method=exchange.method,
        request_url=exchange.url,
        **exchange.options,
    )
    message.version_string = "HTTP/2"
    # urllib3's shutdown() ends the wait of another thread: here, of this stream alone.
    message._sock_shutdown = lambda _how: response.close()  # noqa: SLF001 - urllib3 2.0 has no argument
    return message
