"""The table of states, walked cell by cell on http.client's own class and on hyper's (HTTP/1.1)."""

from __future__ import annotations

import http.client
import http.server
import threading

import pytest

from hyper import HTTPConnection
from hyper.dropin.states import AWAITED, HAS_STREAM, IDLE, REQUEST_SENT, REQUEST_STARTED, STATES
from hyper.testing import DEADLINE

CLASSES = [http.client.HTTPConnection, HTTPConnection]

CALLS = {
    "putrequest": lambda connection: connection.putrequest("GET", "/"),
    "putheader": lambda connection: connection.putheader("X", "y"),
    "endheaders": lambda connection: connection.endheaders(),
    "getresponse": lambda connection: connection.getresponse().read(),
    "close": lambda connection: connection.close(),
}

# How a new connection gets to a state.
WAYS = {
    IDLE: (),
    REQUEST_STARTED: ("putrequest",),
    REQUEST_SENT: ("putrequest", "endheaders"),
}

CELLS = [
    (call, state, after)
    for call, cells in STATES.items()
    if call not in (HAS_STREAM, AWAITED)
    for state, after in cells.items()
]


class Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *arguments):
        """Do nothing: connections are closed before their response is read, on purpose."""


@pytest.fixture(scope="module")
def port():
    with Server(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def state_of(connection):
    return connection._HTTPConnection__state


def test_the_table_has_a_cell_for_each_call_in_each_state():
    assert {(call, state) for call, state, _ in CELLS} == {
        (call, state) for call in CALLS for state in WAYS
    }
    assert (IDLE, REQUEST_STARTED, REQUEST_SENT) == (
        http.client._CS_IDLE,
        http.client._CS_REQ_STARTED,
        http.client._CS_REQ_SENT,
    )


@pytest.mark.parametrize("connection_class", CLASSES, ids=["http.client", "hyper"])
@pytest.mark.parametrize(("call", "state", "after"), CELLS)
def test_a_call_does_what_its_cell_says(port, connection_class, call, state, after):
    connection = connection_class("127.0.0.1", port, timeout=DEADLINE)
    for step in WAYS[state]:
        CALLS[step](connection)
    assert state_of(connection) == state
    if isinstance(after, str):
        CALLS[call](connection)
        assert state_of(connection) == after
    else:
        with pytest.raises(after):
            CALLS[call](connection)
        assert state_of(connection) == state
    connection.close()


@pytest.mark.parametrize(("call", "state", "after"), CELLS)
def test_step_does_what_the_cell_says(call, state, after):
    connection = HTTPConnection("localhost")
    connection._HTTPConnection__state = state
    if isinstance(after, str):
        connection._step(call)
        assert state_of(connection) == after
    else:
        with pytest.raises(after):
            connection._step(call)
        assert state_of(connection) == state


def test_over_http_2_a_connection_is_idle_again_once_the_request_has_a_stream(connect):
    """RFC 9113, 5.1.2: further requests may go out before the first response."""

    def script(peer):
        peer.handshake()
        for _ in range(2):
            peer.write_response(peer.want_request()[0])

    connection = connect(script)
    for _ in range(2):
        connection.putrequest("GET", "/")
        assert state_of(connection) == REQUEST_STARTED
        connection.endheaders()
        assert state_of(connection) == IDLE
    for _ in range(2):
        assert connection.getresponse().status == 200
        assert state_of(connection) == IDLE
