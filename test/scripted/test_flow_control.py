"""Flow control, as a caller meets it: memory, managers, and uploads that nobody takes.

RFC 9113, 5.2 and 6.9.
"""

from __future__ import annotations

import gc
import re
import textwrap
import threading
import time
from pathlib import Path

import pytest

import hyper
from hyper import BaseFlowControlManager, HTTP20Connection, LocalProtocolError
from hyper.client import exchange
from hyper.testing import wire
from test.scripted.steps import OnShortPath, await_news, pong, set_timeout, want

OK = [(":status", "200")]
MEBIBYTE = 1 << 20


class Stream:
    """A peer's stream on which it sends no more than it may."""

    def __init__(self, peer, stream_id):
        self.peer, self.id = peer, stream_id
        self.sent = 0

    def window(self):
        """Octets that may be sent now."""
        increments = [
            frame.increment
            for frame in self.peer.frames
            if frame.type == wire.WINDOW_UPDATE and frame.stream_id == self.id
        ]
        initial = self.peer.client_settings[wire.SETTINGS_INITIAL_WINDOW_SIZE]
        return initial + sum(increments) - self.sent

    def write(self, content, end_stream=False):
        while content:
            window = self.window()
            while window <= 0:
                self.peer.want_window_update(self.id)
                window = self.window()
            size = min(window, 16_384, len(content))
            ends = end_stream and size == len(content)
            self.peer.write_data(self.id, content[:size], end_stream=ends)
            self.sent += size
            content = content[size:]


def test_unread_limit_must_hold_one_stream_s_window():
    with pytest.raises(LocalProtocolError, match="unread_limit, 1000 octets, is less"):
        HTTP20Connection("localhost", unread_limit=1000)


def test_6_9_what_nobody_reads_stops_at_the_limit_and_stops_nobody(connect):
    """Three streams that nobody reads fill what they may; a fourth is served all the same."""
    limit = 4 * MEBIBYTE

    def script(peer):
        peer.handshake()
        streams = []
        for _ in range(3):
            stream_id, _ = want(peer)[:2]
            peer.write_headers(stream_id, OK)
            streams.append(Stream(peer, stream_id))
        pong(peer)
        for stream in streams:
            stream.write(bytes(stream.window()))
        pong(peer)
        stream_id, _ = want(peer)[:2]
        peer.write_headers(stream_id, OK)
        Stream(peer, stream_id).write(bytes(3 * MEBIBYTE), end_stream=True)
        for stream in streams:
            stream.write(b"the end", end_stream=True)

    connection = connect(script, unread_limit=limit)
    unread = [connection.request("GET", "/") for _ in range(3)]
    responses = [connection.getresponse(stream_id) for stream_id in unread]
    connection.ping()
    connection.ping()
    connection.request("GET", "/")
    assert len(connection.getresponse().read()) == 3 * MEBIBYTE
    assert connection._pumps.current.endpoint.budget.in_use <= limit
    for response in responses:
        assert response.read().endswith(b"the end")
    assert connection._pumps.current.endpoint.budget.has_room(limit)


def test_a_request_waits_for_room_and_is_told_what_it_waits_for(connect):
    """Content of a finished response counts until it is read."""

    def script(peer):
        peer.handshake()
        for _ in range(2):
            stream_id, _ = want(peer)[:2]
            peer.write_response(stream_id, bytes(100_000))
        pong(peer)
        stream_id, _ = want(peer)[:2]
        peer.write_response(stream_id, b"third")

    connection = connect(script, unread_limit=220_000, settings={4: 110_000})
    first, second = connection.request("GET", "/"), connection.request("GET", "/")
    connection.ping()
    connection.timeout = 0
    with pytest.raises(TimeoutError, match="all of unread_limit, 220000 octets"):
        connection.request("GET", "/")
    connection.timeout = 10
    responses = [connection.getresponse(first), connection.getresponse(second)]
    waiting = threading.Thread(target=lambda: connection.request("GET", "/third"))
    waiting.start()
    pump = connection._pumps.current
    while not pump.queue:
        time.sleep(0.001)
    assert len(responses[0].read()) == 100_000
    waiting.join(10)
    assert connection.getresponse().read() == b"third"
    del responses[:]
    gc.collect()  # and what is dropped unread leaves its room, too
    connection._pumps.current.flush()
    assert connection._pumps.current.endpoint.budget.has_room(220_000)


class Bucket(BaseFlowControlManager):
    """A token bucket: so many octets a second, and no more than a second's at once."""

    rate = 400_000

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.tokens, self.moment = 0.0, time.monotonic()

    def increase_window_size(self, frame_size):  # noqa: ARG002
        return 0

    def blocked(self):
        now = time.monotonic()
        self.tokens = min(self.tokens + (now - self.moment) * self.rate, self.rate)
        self.moment = now
        room, self.tokens = int(self.tokens), self.tokens % 1
        return room


def test_a_download_whose_manager_goes_by_the_clock_never_stalls(connect):
    size = 200_000

    def script(peer):
        peer.handshake()
        stream_id, _ = want(peer)[:2]
        peer.write_headers(stream_id, OK)
        Stream(peer, stream_id).write(bytes(size), end_stream=True)

    connection = connect(
        script, window_manager=Bucket, settings={"SETTINGS_INITIAL_WINDOW_SIZE": 65_535}
    )
    begin = time.monotonic()
    connection.request("GET", "/")
    assert len(connection.getresponse().read()) == size
    seconds = time.monotonic() - begin
    assert (size - 65_535) / Bucket.rate * 0.9 <= seconds < 5


class Mean(BaseFlowControlManager):
    """Gives nothing, whoever waits."""

    def increase_window_size(self, frame_size):  # noqa: ARG002
        return 0

    def blocked(self):
        return 0


def test_a_manager_that_gives_nothing_is_named_when_the_time_is_up(connect):
    def script(peer):
        peer.handshake()
        stream_id, _ = want(peer)[:2]
        peer.write_headers(stream_id, OK)
        peer.write_data(stream_id, bytes(1000))
        stream_id, _ = want(peer)[:2]
        peer.write_response(stream_id, b"others go on")

    connection = connect(script, window_manager=Mean, settings={4: 1000})
    connection.request("GET", "/")
    response = connection.getresponse()
    assert len(response.read(1000)) == 1000
    with (
        set_timeout(connection, 0.1),
        pytest.raises(TimeoutError, match="manager gives none"),
    ):
        response.read(1)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"others go on"


class Faulty(BaseFlowControlManager):
    def increase_window_size(self, frame_size):  # noqa: ARG002
        return 0

    def consumed(self, size):
        if self.initial_window_size < 2**31 - 1:  # the connection's is another
            raise RuntimeError("out of order")
        return size


def test_a_manager_that_raises_is_the_reader_s_error(connect):
    def script(peer):
        peer.handshake()
        stream_id, _ = want(peer)[:2]
        peer.write_headers(stream_id, OK)
        peer.write_data(stream_id, bytes(1000))
        peer.want_rst(stream_id, wire.CANCEL)
        stream_id, _ = want(peer)[:2]
        peer.write_response(stream_id, b"others go on")

    connection = connect(script, window_manager=Faulty, settings={4: 1000})
    connection.request("GET", "/")
    response = connection.getresponse()
    assert len(response.read(1000)) == 1000
    with pytest.raises(LocalProtocolError, match="Faulty failed in consumed") as caught:
        response.read(1)
    assert type(caught.value.__cause__) is RuntimeError
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"others go on"


def unmade(_):
    raise RuntimeError("out of stock")


def test_a_manager_that_cannot_be_made_is_the_caller_s_error_and_leaks_no_socket(connect):
    connection = connect(lambda peer: peer.want_closed(), window_manager=unmade)
    with pytest.raises(LocalProtocolError, match="no connection can be made with it") as caught:
        connection.request("GET", "/")
    assert type(caught.value.__cause__) is RuntimeError
    assert connection.sock is None
    gc.collect()  # a ResourceWarning would be an error


def test_unread_limit_counts_what_is_unread_of_connections_that_have_ended(connect):
    """However often the server ends one (RFC 9113, 6.8), no more than the limit is held."""

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = want(peer)
        peer.write_response(stream_id, bytes(50_000))
        pong(peer)
        peer.write(wire.goaway(stream_id))

    def script(peer):
        serve(peer)
        peer.accept()
        serve(peer)
        peer.accept()
        serve(peer)

    connection = connect(script, unread_limit=100_000 + 65_534, settings={4: 65_535})
    responses = []
    for _ in range(2):
        connection.request("GET", "/")
        responses.append(connection.getresponse())
        connection.ping()
        await_news(connection)
    with set_timeout(connection, 0.2), pytest.raises(TimeoutError, match="unread_limit"):
        connection.request("GET", "/")
    assert len(responses[0].read()) == 50_000
    connection.request("GET", "/")
    response = connection.getresponse()
    connection.ping()
    assert len(response.read()) == 50_000
    assert len(responses[1].read()) == 50_000


def test_a_whole_response_that_is_given_up_leaves_its_room(connect):
    def script(peer):
        peer.handshake()
        for _ in range(2):
            stream_id, _, _ = want(peer)
            peer.write_response(stream_id, bytes(50_000))
            pong(peer)

    connection = connect(script, unread_limit=100_000, settings={4: 65_535})
    stream_id = connection.request("GET", "/")
    connection.ping()
    connection.cancel(stream_id)
    connection.request("GET", "/")
    connection.ping()
    assert len(connection.getresponse().read()) == 50_000


def test_a_request_whose_body_raises_leaves_the_room_of_its_response(connect):
    """The server had answered in whole."""

    def script(peer):
        peer.handshake()
        stream_id = peer.want_headers() and 1
        peer.write_response(stream_id, bytes(50_000))
        pong(peer)
        pong(peer)

    def body():
        yield b"x"
        connection.ping()
        raise KeyError("body")

    connection = connect(script)
    with pytest.raises(KeyError, match="body"):
        connection.request("POST", "/", body())
    gc.collect()
    connection.ping()
    assert connection._pumps.current.endpoint.budget.total() == 0


def change_connection(peer):
    """Begin a response, say GOAWAY, and answer the next request on another connection."""
    peer.handshake()
    first, _, _ = want(peer)
    peer.write(wire.goaway(first))
    peer.write_headers(first, [(":status", "200")])
    peer.accept()
    peer.handshake()
    second, _, _ = want(peer)
    peer.write_response(second, b"second")


@pytest.mark.parametrize("way", ["drop", "close"])
def test_what_is_given_up_of_a_former_connection_leaves_its_room_and_the_socket(connect, way):
    """Nobody else has a reason to look at that connection."""

    def script(peer):
        change_connection(peer)
        third, _, _ = want(peer)
        peer.write_response(third, b"third")

    connection = connect(
        script, window_manager=OnShortPath, unread_limit=150_000, settings={4: 65_535}
    )
    connection.request("GET", "/")
    response = connection.getresponse()
    former = connection._pumps.current
    connection.request("GET", "/second")
    assert connection.getresponse().read() == b"second"
    assert connection._pumps.current is not former
    if way == "close":
        response.close()
    else:
        del response
        gc.collect()
    connection.request("GET", "/third")
    assert connection.getresponse().read() == b"third"
    assert former.endpoint.budget.total() == 0
    assert former.is_closed
    assert former.fileno() == -1


def test_a_request_that_waits_for_room_sees_to_what_is_given_up_of_a_former_connection(connect):
    def script(peer):
        change_connection(peer)

    connection = connect(script, unread_limit=100_000, settings={4: 65_535})
    connection.request("GET", "/")
    responses = [connection.getresponse()]

    def drop():
        responses.clear()
        gc.collect()

    timer = threading.Timer(0.1, drop)
    timer.start()
    connection.request("GET", "/second")
    timer.join()
    assert connection.getresponse().read() == b"second"


# ---- uploads ----


@pytest.mark.parametrize("timeout", [None, 0.2])
def test_an_answer_that_is_whole_ends_an_upload_that_the_server_does_not_take(
    connect, monkeypatch, timeout
):
    """RFC 9113, 8.1: it says nothing, it just opens no window; with no timeout as well."""
    monkeypatch.setattr(exchange, "ANSWERED_UPLOAD_TIMEOUT", 0.05)

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        want_a_part(peer)
        peer.write_response(1, b"enough")
        peer.want_rst(1, wire.CANCEL)

    connection = connect(script)
    connection.connect()
    with set_timeout(connection, timeout):
        connection.request("POST", "/", body=bytes(MEBIBYTE))
    assert connection.getresponse().read() == b"enough"


def want_a_part(peer):
    """As much content as the first windows allow."""
    received = 0
    while received < 65_535:
        received += len(peer.want_data(1))
    return received


def test_6_9_a_request_whose_peer_answers_before_it_reads_on_comes_to_its_end(connect):
    """Nobody reads the response while the request is sent: its window opens all the same."""
    size = 2 * MEBIBYTE

    def script(peer):
        peer.handshake()
        peer.want_headers(1, end_stream=False)
        peer.write_headers(1, OK)
        Stream(peer, 1).write(bytes(size), end_stream=True)
        peer.write(wire.window_update(0, size) + wire.window_update(1, size))
        assert len(peer.want_body(1)) == size

    connection = connect(script)
    connection.request("POST", "/", bytes(size))
    assert len(connection.getresponse().read()) == size


def test_6_9_beyond_the_limit_it_ends_with_a_reason(connect):
    def script(peer):
        peer.handshake()
        peer.want_headers(1, end_stream=False)
        peer.write_headers(1, OK)
        peer.write_data(1, bytes(66_000))
        want_a_part(peer)
        peer.want_rst(1, wire.CANCEL)

    connection = connect(script, unread_limit=66_000, settings={4: 66_000})
    connection.connect()
    reason = r"used up the window of stream 1.*66000 octets"
    with set_timeout(connection, 0.3), pytest.raises(TimeoutError, match=reason):
        connection.request("POST", "/", bytes(100_000))


def test_6_9_a_server_that_reads_nothing_times_out_one_request_and_no_other(connect):
    def script(peer):
        peer.handshake()
        pong(peer)
        peer.want_headers(1, end_stream=False)
        want_a_part(peer)
        peer.want_rst(1, wire.CANCEL)
        pong(peer)  # it was silent for so long that it is asked whether it is there
        stream_id, _ = want(peer)[:2]
        peer.write_response(stream_id, b"others go on")

    connection = connect(script)
    connection.ping()  # all of the handshake has come: from now on there is silence
    with set_timeout(connection, 0.3), pytest.raises(TimeoutError):
        connection.request("POST", "/", bytes(100_000))
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"others go on"


def test_6_9_2_a_negative_window_is_waited_out_and_frames_fit(connect):
    """RFC 9113, 4.2 and 6.9.2: the peer lowers its windows below what is under way."""

    def script(peer):
        peer.handshake({wire.SETTINGS_MAX_FRAME_SIZE: 20_000})
        peer.want_headers(1, end_stream=False)
        received = want_a_part(peer)
        peer.write_settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: 10_000})
        peer.write(wire.window_update(0, 10**6) + wire.window_update(1, 55_535))  # now it is 0
        pong(peer)
        peer.write(wire.window_update(1, 7))
        assert len(peer.want_data(1)) == 7
        peer.write(wire.window_update(1, 10**6))
        while received + 7 < 200_000:
            received += len(peer.want_data(1))
        assert max(len(frame.payload) for frame in peer.frames if frame.type == wire.DATA) == 20_000
        peer.write_response(1, b"all of it")

    connection = connect(script)
    sending = threading.Thread(target=lambda: connection.request("POST", "/", bytes(200_000)))
    sending.start()
    connection.ping()
    sending.join(10)
    assert connection.getresponse().read() == b"all of it"


# ---- the managers of docs/windows.rst ----

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "windows.rst"


def documented(name):
    """A class out of the documentation."""
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", DOCUMENT.read_text())
    (block,) = (block for block in blocks if f"class {name}(" in block)
    source = textwrap.dedent(block).partition("\nwith ")[0]
    scope = {"hyper": hyper}
    exec(compile(source, str(DOCUMENT), "exec"), scope)
    return scope[name]


@pytest.mark.parametrize("name", ["Fixed", "Capped", "Whole", "Bucket"])
def test_a_documented_manager_brings_all_of_it(connect, name):
    size = 600_000

    def script(peer):
        peer.handshake()
        stream_id, _ = want(peer)[:2]
        peer.write_headers(stream_id, [*OK, ("content-length", str(size))])
        stream = Stream(peer, stream_id)
        stream.write(bytes(size), end_stream=True)
        pong(peer)
        windows = [
            frame.increment
            for frame in peer.frames
            if frame.type == wire.WINDOW_UPDATE and frame.stream_id == stream_id
        ]
        if name == "Fixed":
            assert set(windows) == {65_536}
        if name == "Whole":
            assert windows[0] == size - 131_072
        if name == "Capped":
            assert sum(windows) <= size + MEBIBYTE

    manager = documented(name)
    connection = connect(script, window_manager=manager)
    connection.request("GET", "/")
    response = connection.getresponse()
    while response.read(65_536):
        pass
    connection.ping()
