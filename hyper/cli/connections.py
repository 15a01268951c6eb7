"""Connections: what the options say of them.

Requests go through ``hyper.Pool``: in HTTP/2, and in HTTP/1.1 to servers that need it. For
``--http1.1`` and ``--upgrade`` they go through the drop-in's connections.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

import hyper

from ..http1 import WholeResponse
from .faults import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .arguments import Arguments
    from .urls import Target

#: Seconds that a wait may take, unless --timeout says otherwise.
DEFAULT_TIMEOUT = 30.0
#: Names of hyper's settings that a person would abbreviate.
PREFIX = "SETTINGS_"
#: The setting that --window is.
WINDOW = "SETTINGS_INITIAL_WINDOW_SIZE"


def timeout_of(arguments: Arguments) -> float | None:
    """Seconds for each wait; None for no limit."""
    if arguments.timeout is None:
        return DEFAULT_TIMEOUT
    return arguments.timeout or None


class Connections:
    """All connections of one run, by proxy. Any thread.

    Args:
        arguments: the command line.
    """

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._context: Any = None
        self._lock = threading.Lock()
        self._pools: dict[str | None, hyper.Pool] = {}
        self._single: list[Any] = []
        self.options: dict[str, Any] = self._make_options()
        self._settings = settings_of(arguments)

    def _make_options(self) -> dict[str, Any]:
        """Options that all kinds of connections take."""
        arguments = self._arguments
        options: dict[str, Any] = {"timeout": timeout_of(arguments)}
        if arguments.unix_socket:
            options["unix_socket"] = arguments.unix_socket
        if arguments.interface:
            options["source_address"] = (arguments.interface, 0)
        if arguments.ipv4 or arguments.ipv6 or arguments.resolve:
            options["resolve"] = resolver(arguments)
        return options

    def context(self) -> Any:
        """The TLS context, made once; None where nothing of TLS was asked for."""
        arguments = self._arguments
        if arguments.keylog:
            os.environ["SSLKEYLOGFILE"] = arguments.keylog
        asked = (arguments.cacert, arguments.cert, arguments.key, arguments.pin, arguments.insecure)
        if not any((*asked, arguments.keylog)):
            return None
        with self._lock:
            if self._context is None:
                self._context = _made_context(arguments)
        return self._context

    def proxy_for(self, target: Target) -> str | None:
        """The URL of the proxy, by the command line or by the environment."""
        arguments = self._arguments
        if arguments.proxy:
            return str(arguments.proxy)
        if arguments.no_proxy or arguments.unix_socket:
            return None
        if sys.platform not in ("darwin", "win32") and not any(
            name.lower().endswith("_proxy") for name in os.environ
        ):
            return None
        from hyper.proxies import from_environment

        return from_environment(target.host, target.port, target.scheme)

    def pool_for(self, target: Target) -> hyper.Pool:
        """The pool that a request to this target uses."""
        proxy = self.proxy_for(target)
        with self._lock:
            pool = self._pools.get(proxy)
        if pool is not None:
            return pool
        arguments = self._arguments
        made = hyper.Pool(
            max_connections_per_origin=1,
            require_http2=arguments.require_http2,
            http2="prior" if arguments.prior_knowledge else None,
            enable_push=arguments.push in ("list", "save"),
            ssl_context=self.context() if target.scheme == "https" else None,
            proxy=proxy,
            **self._settings,
            **self.options,
        )
        with self._lock:
            return self._pools.setdefault(proxy, made)

    def http1_connection(self, target: Target) -> Any:
        """A drop-in connection of its own, that speaks HTTP/1.1 or asks for an upgrade."""
        options = dict(self.options)
        proxy = self.proxy_for(target)
        if proxy is not None:
            options["proxy"] = proxy
        if target.scheme == "https":
            context = self.context()
            if context is not None:
                options["context"] = context
            connection: Any = hyper.HTTPSConnection(target.host, target.port, **options)
            connection.is_http1_required = True
        else:
            http2 = "upgrade" if self._arguments.upgrade else None
            connection = hyper.HTTPConnection(target.host, target.port, http2=http2, **options)
        connection.response_class = WholeResponse
        with self._lock:
            self._single.append(connection)
        return connection

    def close(self) -> None:
        """Close all of them, without waiting."""
        with self._lock:
            opened = [*self._pools.values(), *self._single]
        for each in opened:
            each.close()


def _made_context(arguments: Arguments) -> Any:
    import warnings

    from hyper.tls import InsecureTLSWarning, init_context

    pin = None
    if arguments.pin:
        from .pins import pin_of

        pin = pin_of(arguments.pin)
    if arguments.key and not arguments.cert:
        raise UsageError("--key needs the certificate: --cert FILE")
    for name in ("cacert", "cert", "key"):
        path = getattr(arguments, name)
        if path and not os.path.exists(path):
            raise UsageError(f"--{name}: there is no file {path!r}")
    cert = (arguments.cert, arguments.key) if arguments.key else arguments.cert
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureTLSWarning)  # -k was asked for
        return init_context(arguments.cacert, cert, verify=not arguments.insecure, pin=pin)


def settings_of(arguments: Arguments) -> dict[str, Any]:
    """Options of HTTP20Connection for --settings and --window.

    Raises:
        UsageError: a setting is not NAME=N.
    """
    settings: dict[str | int, int] = {}
    for text in arguments.settings:
        name, mark, value = text.upper().partition("=")
        if not (mark and value.isdecimal()):
            raise UsageError(f"--settings takes NAME=N, MAX_FRAME_SIZE=32768 say, not {text!r}")
        key: str | int = int(name) if name.isdecimal() else PREFIX + name.replace(PREFIX, "")
        settings[key] = int(value)
    if arguments.window is not None:
        settings[WINDOW] = arguments.window
    if not settings:
        return {}
    # The octets that the server may send must be allowed to wait here.
    window = settings.get(WINDOW, 0)
    return {"settings": settings, **({"unread_limit": 2 * window} if window > 1 << 24 else {})}


def resolver(arguments: Arguments) -> Any:
    """The function that gives addresses, by --resolve, -4 and -6.

    Raises:
        UsageError: --resolve is not HOST:PORT:ADDRESS.
    """
    if arguments.ipv4 and arguments.ipv6:
        raise UsageError("-4 and -6 exclude each other")
    family: int = 0
    if arguments.ipv4:
        family = socket.AF_INET
    elif arguments.ipv6:
        family = socket.AF_INET6
    known: dict[tuple[str, str], str] = {}
    for text in arguments.resolve:
        host, _, rest = text.partition(":")
        port, _, address = rest.partition(":")
        if not (host and (port.isdecimal() or port == "*") and address):
            raise UsageError(f"--resolve takes HOST:PORT:ADDRESS, not {text!r}")
        known[host.lower(), port] = address.strip("[]")

    def resolve(host: str, port: int) -> Any:
        name = host.lower()
        address = known.get((name, str(port))) or known.get((name, "*"))
        try:
            return socket.getaddrinfo(address or host, port, family, socket.SOCK_STREAM)
        except socket.gaierror as error:
            kind = " of IPv4" if arguments.ipv4 else " of IPv6" if arguments.ipv6 else ""
            raise socket.gaierror(
                error.errno, f"{address or host!r} has no address{kind} ({error.strerror})"
            ) from None

    return resolve
