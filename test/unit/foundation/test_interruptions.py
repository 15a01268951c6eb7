"""foundation/interruptions: a signal handler's TimeoutError is not taken for the system's."""

from __future__ import annotations

import signal
import socket

import pytest

from hyper import HTTP20Connection
from hyper.foundation.interruptions import OSErrorsDropped
from hyper.testing import Server, serve
from hyper.transport import connect
from hyper.transport.deadline import Deadline
from hyper.transport.wakeup import Wakeup


class AlarmTimeout(TimeoutError):
    """An exception that a handler of SIGALRM likes to raise."""


@pytest.fixture
def strike():
    """A program's handler, to be called: a signal would come when it likes."""

    def handle(*_):
        raise AlarmTimeout("of the program")

    former = signal.signal(signal.SIGTERM, handle)
    yield handle
    signal.signal(signal.SIGTERM, former)


def test_what_the_system_raises_is_dropped(strike):
    with OSErrorsDropped():
        raise BrokenPipeError(32, "Broken pipe")


def test_what_a_signal_handler_raises_is_not_dropped(strike):
    with pytest.raises(AlarmTimeout), OSErrorsDropped():
        strike()


def test_what_is_no_error_of_the_system_is_not_dropped():
    with pytest.raises(KeyError), OSErrorsDropped():
        raise KeyError


def test_a_signal_handler_s_timeout_is_not_taken_for_a_failure_to_connect(strike, monkeypatch):
    """It was, for one of the address of the moment, and came out in the network's words."""
    monkeypatch.setattr(connect, "_prepare", strike)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(AlarmTimeout) as caught:
            connect.connect("127.0.0.1", server.getsockname()[1], Deadline(10))
        assert caught.value.args == ("of the program",)


@pytest.mark.parametrize("way", ["observer", "tracer", "end of a request"])
def test_a_signal_handler_s_exception_comes_out_of_a_trace(strike, way):
    """An observer's own exception is logged; this one is the program's, and is waited for."""
    pytest.importorskip("hpack", reason="hyper.testing needs the package hpack")

    class Tracer:
        def before_request(self, _request):
            return strike if way == "end of a request" else strike()

    with Server(serve(), tls=False) as server:
        trace = strike if way == "observer" else Tracer()
        connection = HTTP20Connection(
            server.host, server.port, secure=False, trace=trace, timeout=10
        )
        with pytest.raises(AlarmTimeout):
            connection.getresponse(connection.request("GET", "/")).read()
        server.stop(abandon=True)


def test_a_signal_handler_s_timeout_comes_out_of_draining_a_wakeup(strike):
    class Reader:
        def recv(self, _size):
            strike()

    wakeup = Wakeup()
    wakeup.pair, wakeup.is_rung = (Reader(), None, -1), True
    with pytest.raises(AlarmTimeout):
        wakeup.drain()
