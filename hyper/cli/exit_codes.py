"""Exit codes by kind: curl's numbers where curl has one, HTTPie's for the status of a response.

==== ==========================================================
0    the response came
1    another failure
2    the command line cannot be read
3    --fail, and the status is 3xx
4    --fail, and the status is 4xx
5    --fail, and the status is 5xx
6    the host's name has no address
7    no connection to the server
16   the server breaks the rules of HTTP/2
18   the content was cut short
23   the output or a file cannot be written
28   out of time
35   TLS failed
47   too many redirects
60   the server's certificate is not trusted
92   the server reset the stream, or ended the connection
97   the proxy refuses
130  Ctrl-C
==== ==========================================================
"""

from __future__ import annotations

import socket

from hyper.errors import (
    ConnectionTerminated,
    HTTP20Error,
    HTTPException,
    IncompleteRead,
    InvalidURL,
    LocalProtocolError,
    NegotiationError,
    ProxyError,
    RemoteDisconnected,
    RemoteProtocolError,
    StreamResetError,
    shown,
)

from .faults import Failed, UsageError

OTHER = 1
USAGE = 2
RESOLVE = 6
CONNECT = 7
PROTOCOL = 16
PARTIAL = 18
WRITE = 23
TIMEOUT = 28
TLS = 35
REDIRECTS = 47
CERTIFICATE = 60
RESET = 92
PROXY = 97
INTERRUPTED = 130

#: The advice for a code; it stands behind what happened.
ADVICE = {
    CERTIFICATE: "--cacert FILE trusts another authority, -k trusts anybody",
    TLS: "an http:// URL is asked in cleartext, if the server speaks no TLS",
    PARTIAL: "-c -o FILE goes on from here, --retry N tries again",
    TIMEOUT: "--timeout S waits longer, --retry N tries again",
    RESET: "--retry N tries again",
    PROXY: "--no-proxy goes without it, -x URL names another one",
}


def by_status(status: int) -> int:
    """The code of ``--fail`` for a status: its first digit from 3 to 5, else 0."""
    return status // 100 if 300 <= status < 600 else 0


def code_of(error: BaseException) -> int:
    """The exit code for an exception."""
    if isinstance(error, Failed):
        return error.code
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, (UsageError, LocalProtocolError, InvalidURL)):
        return USAGE
    for kinds, code in (
        (ProxyError, PROXY),
        (IncompleteRead, PARTIAL),
        ((TimeoutError, socket.timeout), TIMEOUT),
        ((StreamResetError, RemoteDisconnected), RESET),
        (RemoteProtocolError, PROTOCOL),
        (NegotiationError, CONNECT),
        (ConnectionTerminated, RESET),
        (socket.gaierror, RESOLVE),
    ):
        if isinstance(error, kinds):
            return code
    return _code_of_system(error)


def _code_of_system(error: BaseException) -> int:
    import ssl  # not before: a request in cleartext needs none

    if isinstance(error, ssl.SSLCertVerificationError):
        return CERTIFICATE
    if isinstance(error, ssl.SSLError):
        return TLS
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return RESET
    if isinstance(error, HTTPException):
        return PROTOCOL
    if isinstance(error, OSError):
        return CONNECT
    return OTHER


def words_of(error: BaseException) -> str:
    """Tell what happened and what to do, on one line; "" where there is nothing to say."""
    code = code_of(error)
    if isinstance(error, KeyboardInterrupt):
        return ""
    if isinstance(error, IncompleteRead):
        words = f"the content was cut short after {len(error.partial)} octets"
        words += "" if error.expected is None else f", {error.expected} are missing"
        if error.__cause__ is not None:
            words += f" ({error.__cause__})"
    elif isinstance(error, OSError) and error.strerror and not isinstance(error, HTTP20Error):
        words = error.strerror
        if error.filename is not None:
            words = f"{error.filename}: {words}"
    else:
        words = str(error) or type(error).__name__
    words = shown(words, 2000)
    advice = "" if isinstance(error, (Failed, UsageError)) else ADVICE.get(code, "")
    return f"{words}; {advice}" if advice else words
