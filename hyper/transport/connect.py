"""Connecting: from a host and a port, or a path, to a connected socket.

A host may have many addresses, of two families, some of which never answer.  They are tried side by
side, as RFC 8305 (Happy Eyeballs) has it: the families take turns, a new attempt begins when the
last one has failed or has taken a quarter of a second already, and the first that succeeds
ends the others.  All sockets are non-blocking and are waited for together: no thread is needed,
and one deadline covers all.  It does not cover the system's resolver, because ``getaddrinfo``
cannot be interrupted.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time

from ..errors import NegotiationError, TimedOut
from ..foundation.hosts import plain_name
from ..foundation.interruptions import OSErrorsDropped, is_of_signal
from .deadline import MAX_POLL, NEVER, milliseconds_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable, Union

    from . import Watcher
    from .deadline import Deadline

    #: A tuple of getaddrinfo's: family, kind, protocol, canonical name, address.
    Address = tuple[int, int, int, str, Any]
    Path = Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]
    #: Gives the addresses of a host and a port, as getaddrinfo does.
    Resolve = Callable[[str, int], Iterable[Address]]

#: Seconds that an attempt has for itself before the next address is tried beside it (RFC 8305, 5).
ATTEMPT_DELAY = 0.25
#: Seconds of silence after which the system asks whether the peer is still there, seconds between
#: two questions, and how many stay unanswered before it gives up. Routers forget idle connections
#: after some minutes, and hyper sends no PING while no call waits.
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 30, 10, 3
#: Seconds for which the peer may acknowledge nothing of what was sent (RFC 9293, 3.8.3; RFC 5482):
#: twice the time that the caller has for connecting, within bounds; so many for a caller without a
#: limit. Linux alone by itself would try again for fifteen minutes.
USER_TIMEOUT_LEAST, USER_TIMEOUT_MOST, USER_TIMEOUT_UNLIMITED = 5.0, 120.0, 30.0
#: Seconds until a Unix socket whose queue is full is tried again: poll does not tell of room.
QUEUE_PAUSE = 0.01

#: Codes of a non-blocking connect that has begun. On Windows EINPROGRESS is something else.
IN_PROGRESS = frozenset((0, errno.EINTR, getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS)))

#: The message where a mock's class makes the sockets, whose connect_ex gives no code.
MOCKED = (
    "{} stands in the place of socket.socket, and is no socket of the system's: HTTP/2 cannot be"
    " spoken there; http.client and hyper's classes in its place use it, in HTTP/1.1"
)

#: The advice in the message of a failure.
ADVICE = {
    errno.ECONNREFUSED: "nobody listens there: is the server running, and is this its port?",
    errno.EHOSTUNREACH: "is this machine's network up, and the server's?",
    errno.ENETUNREACH: "is this machine's network up?",
    errno.EADDRNOTAVAIL: "is the source address one of this machine's?",
}


def connect(
    host: str,
    port: int,
    deadline: Deadline = NEVER,
    source_address: tuple[str, int] | None = None,
    resolver: Resolve | None = None,
    watcher: Watcher | None = None,
) -> socket.socket:
    """Return a connected TCP socket, non-blocking.

    Args:
        resolver: gives the addresses; None means the system's, ``resolve``.
        watcher: told of each step, where somebody watches.
        source_address: (host, port) to connect from. Addresses of another family than its own fail.

    Raises:
        TimedOut: no attempt has succeeded in time.
        socket.gaierror: the name has no address.
        OSError: the most telling failure of all, whose message names each of them.
    """
    begin = time.monotonic()
    timeout = None if deadline.moment is None else deadline.moment - begin
    race = Race(source_address, watcher)
    try:
        addresses = list((resolver or resolve)(host, port))
        if watcher is not None:
            watcher.resolved(host, addresses)
        won = race.run(taking_turns(addresses), deadline)
        if won is None:
            seconds = round(max(0.0, (deadline.moment or begin) - begin), 3)
            raise TimedOut(
                f"no connection to {host}, port {port}, within {seconds} s"
                f" ({race.outcomes()}): is the server up, and does a firewall let you through?"
            )
    except OSError as error:
        if not race.is_lost:
            raise
        advice = ADVICE.get(error.errno or 0, "")
        words = f"no connection to {host}, port {port} ({race.outcomes()})"
        raise type(error)(error.errno, f"{words}: {advice}" if advice else words) from None
    else:
        try:
            _limit_silence(won, timeout)
            if watcher is not None:
                watcher.connected(won)
        except BaseException:  # of a signal handler; the socket is nobody's yet
            won.close()
            raise
        return won
    finally:
        race.end()


def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a host, in the system's order of preference (RFC 6724).

    host: a name or a literal; one of IPv6 may have a zone (``fe80::1%eth0``, RFC 4007, 11).
    """
    name = plain_name(host, socket.getaddrinfo, socket)
    try:
        return list(socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM))
    except socket.gaierror as error:
        code, words = error.errno, error.strerror
    except UnicodeError as error:  # a label of a name is empty, or too long
        code, words = socket.EAI_NONAME, str(error)
    raise socket.gaierror(
        code,
        f"{host!r} has no address ({words}): is the name right, and does this machine reach its"
        " name server?",
    )


def taking_turns(addresses: Iterable[Address]) -> list[Address]:
    """Return the same addresses, once each, with the families in turn (RFC 8305, 4)."""
    families: dict[int, list[Address]] = {}
    for address in dict.fromkeys(addresses):
        families.setdefault(address[0], []).append(address)
    longest = max(map(len, families.values()), default=0)
    return [row[i] for i in range(longest) for row in families.values() if i < len(row)]


class Race:
    """Attempts to connect, side by side. One thread.

    failures: (address in words, OSError) of those that have failed.  is_lost: True if all have.
    """

    def __init__(
        self, source_address: tuple[str, int] | None = None, watcher: Watcher | None = None
    ) -> None:
        self._source_address = source_address
        self._watcher = watcher
        #: sockets that are connecting: the address in words
        self._under_way: dict[socket.socket, str] = {}
        self.failures: list[tuple[str, OSError]] = []
        self.is_lost: bool = False

    def run(self, addresses: list[Address], deadline: Deadline) -> socket.socket | None:
        """Return the first socket that is connected, or None at the deadline.

        Raises the OSError of the most telling failure if all have failed.
        """
        waiting = addresses[::-1]
        next_attempt = 0.0
        while True:
            now = time.monotonic()
            if deadline.is_over:
                return None
            # Attempts begin one after the other with a pause (RFC 8305, 5), and none is given up: a
            # slow first address may still win.
            if waiting and (not self._under_way or now >= next_attempt):
                began = self._begin(waiting.pop(), deadline)
                next_attempt = now + ATTEMPT_DELAY if began else now
            elif not self._under_way:
                self.is_lost = True
                raise self._most_telling()
            else:
                # Sleep until an attempt ends, the next may begin, or the caller's time is over.
                moments = [next_attempt] if waiting else []
                if deadline.moment is not None:
                    moments.append(deadline.moment)
                failed = len(self.failures)
                won = self._await(max(min(moments) - now, 0.0) if moments else None)
                if won is not None:
                    return won
                if len(self.failures) > failed:
                    next_attempt = now  # a failure lets the next one begin at once

    def _begin(self, address: Address, deadline: Deadline) -> bool:
        """Begin an attempt; return True if it is under way now."""
        family, kind, protocol, _, target = address
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            _prepare(sock)
            deadline.watch(sock)
            if self._source_address:
                _bind(sock, self._source_address)
            if self._watcher is not None:
                self._watcher.connecting(target)
            code: Any = sock.connect_ex(target)
            if code is None:
                raise NegotiationError(MOCKED.format(type(sock)))
            if code not in IN_PROGRESS:
                raise _os_error(code)
            self._under_way[sock] = target[0]
        except OSError as error:
            if is_of_signal(error):
                raise
            self.failures.append((target[0], error))
        else:
            return True
        finally:
            if sock is not None and sock not in self._under_way:
                sock.close()
        return False

    def _await(self, timeout: float | None) -> socket.socket | None:
        """Wait for attempts to end; return the socket that is connected, if one is."""
        for sock in finished(list(self._under_way), timeout):
            name = self._under_way[sock]
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                del self._under_way[sock]
                return sock
            self.failures.append((name, _os_error(code)))
            del self._under_way[sock]
            sock.close()
        return None

    def _most_telling(self) -> OSError:
        """Return a refusal, which says that a machine is there, or else the last failure."""
        errors = [error for _, error in self.failures]
        errors.sort(key=lambda error: isinstance(error, ConnectionRefusedError))
        return errors[-1] if errors else _os_error(errno.EHOSTUNREACH)

    def outcomes(self) -> str:
        """Return what became of each address, in words."""
        ends = [f"{name}: {error.strerror or error}" for name, error in self.failures]
        ends += [f"{name}: no answer" for name in self._under_way.values()]
        return "; ".join(ends) or "no address was tried"

    def end(self) -> None:
        """Close the sockets that are still connecting."""
        for sock in self._under_way:
            sock.close()
        self._under_way.clear()


def _os_error(code: int) -> OSError:
    # The socket module has the words for the codes of Windows.
    words = getattr(socket, "errorTab", {}).get(code) or os.strerror(code)
    return OSError(code, words)


def _by_poll(socks: list[socket.socket], timeout: float | None) -> list[socket.socket]:
    poll = select.poll()
    by_number = {sock.fileno(): sock for sock in socks}
    for number in by_number:
        poll.register(number, select.POLLOUT)
    return [by_number[number] for number, _ in poll.poll(milliseconds_of(timeout))]


def _by_select(socks: list[socket.socket], timeout: float | None) -> list[socket.socket]:
    # Windows tells of a failed attempt among the exceptional conditions, and nowhere else.
    seconds = None if timeout is None else min(timeout, MAX_POLL / 1000)
    _, connected, failed = select.select([], socks, socks, seconds)
    return list(dict.fromkeys([*connected, *failed]))


#: Returns the sockets, of those that are connecting, that are connected or have failed.
finished: Callable[[list[socket.socket], float | None], list[socket.socket]] = (
    _by_poll if hasattr(select, "poll") else _by_select
)


def _prepare(sock: socket.socket) -> None:
    # Frames are small and complete. Nagle's algorithm would delay them until an ACK.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # macOS has another name for the first one. A system without them waits for hours.
    idle = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
    interval = getattr(socket, "TCP_KEEPINTVL", None)
    count = getattr(socket, "TCP_KEEPCNT", None)
    for option, value in (
        (idle, KEEPALIVE_IDLE),
        (interval, KEEPALIVE_INTERVAL),
        (count, KEEPALIVE_COUNT),
    ):
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _limit_silence(sock: socket.socket, timeout: float | None) -> None:
    """Have the system give a peer up that acknowledges nothing; timeout: the caller's."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:  # not Linux
        return
    seconds = USER_TIMEOUT_UNLIMITED
    if timeout is not None:
        seconds = min(max(2 * timeout, USER_TIMEOUT_LEAST), USER_TIMEOUT_MOST)
    with OSErrorsDropped():  # a kernel that lacks it, or a sandbox
        sock.setsockopt(socket.IPPROTO_TCP, option, int(1000 * seconds))


def _bind(sock: socket.socket, address: tuple[str, int]) -> None:
    try:
        sock.bind(address)
    except OSError as error:
        # CPython asks the resolver for an address of the socket's family; PyPy gives no number.
        if is_of_signal(error):
            raise
        if error.errno is not None and not isinstance(error, socket.gaierror):
            raise
        words = f"the source address {address[0]} is of another family"
        raise OSError(errno.EAFNOSUPPORT, words) from error


def connect_unix(path: Path, deadline: Deadline = NEVER) -> socket.socket:
    """Return a socket connected to the Unix socket at a path, non-blocking.

    Raises TimedOut while its queue is full; FileNotFoundError, ConnectionRefusedError or
    PermissionError with words.
    """
    if not hasattr(socket, "AF_UNIX"):  # Python on Windows
        raise OSError(errno.EAFNOSUPPORT, "this Python has no Unix sockets")
    address = os.fspath(path)
    name = os.fsdecode(address)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        deadline.watch(sock)
        while True:
            try:
                sock.connect(address)
            except BlockingIOError:  # Linux: more are waiting than the server has room for
                if deadline.is_over:
                    raise TimedOut(
                        f"no connection to the Unix socket {name} in the time given: its queue is"
                        " full, the server accepts nobody"
                    ) from None
                time.sleep(QUEUE_PAUSE)
            else:
                return sock
    except BaseException as error:  # the socket is nobody's yet
        sock.close()
        if not isinstance(error, OSError) or isinstance(error, TimedOut):
            raise
        raise type(error)(
            # Python itself refuses a path that is too long, and gives no number.
            error.errno or errno.ENAMETOOLONG,
            f"no connection to the Unix socket {name} ({error.strerror or error}): is the server"
            " running, and does it listen there?",
        ) from None
