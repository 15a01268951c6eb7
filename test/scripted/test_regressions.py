"""Mistakes of the first releases of hyper, each by its name, so that none comes back."""

from __future__ import annotations

import pytest

from hyper import HTTP20Connection
from hyper.hpack import Encoder
from hyper.testing import wire
from test.scripted.steps import pong, want

OK = [(":status", "200")]


@pytest.mark.parametrize("count", [0, 1, 2, 16, 63])
@pytest.mark.parametrize("in_pieces", [False, True], ids=["whole", "in pieces"])
def test_a_body_of_exactly_n_times_1024_octets_ends(connect, count, in_pieces):
    """END_STREAM never came where the last block was full, or the body empty (RFC 9113, 8.1)."""
    body = bytes(1024) * count

    def script(peer):
        peer.handshake()
        _, _, content = want(peer)  # up to END_STREAM
        assert content == body
        peer.write_response(1)

    connection = connect(script)
    connection.request("POST", "/", [bytes(1024)] * count if in_pieces else body)
    assert connection.getresponse().status == 200


def test_an_interim_response_is_not_the_final_one(connect):
    """A 1xx was taken for the response, and the response for trailers (RFC 9110, 15.2)."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, [(":status", "100")])
        peer.write_headers(1, [*OK, ("x-final", "yes")])
        peer.write_data(1, b"content")
        peer.write_headers(1, [("x-trailer", "yes")], end_stream=True)

    connection = connect(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert (response.status, response.getheader("x-final")) == (200, "yes")
    assert response.gettrailers() == [("x-trailer", "yes")]


def test_authority_carries_the_port(connect):
    """Requests to any port but 443 went out without it (RFC 9113, 8.3.1)."""

    def script(peer):
        peer.handshake()
        want(peer, (":authority", f"127.0.0.1:{peer.port}"))
        peer.write_response(1)

    connection = connect(script)
    connection.request("GET", "/")
    connection.getresponse()


@pytest.mark.parametrize(
    ("host", "secure", "authority"),
    [
        ("example.org", True, "example.org"),
        ("example.org:443", True, "example.org"),
        ("example.org:80", False, "example.org"),
        ("example.org:80", True, "example.org:80"),
        ("[2001:db8::1]", True, "[2001:db8::1]"),
        ("[2001:db8::1]:8443", True, "[2001:db8::1]:8443"),
    ],
)
def test_authority_leaves_out_the_schemes_own_port(host, secure, authority):
    """An IPv6 address with a port was taken apart at the wrong colon (RFC 3986, 3.2)."""
    assert HTTP20Connection(host, secure=secure)._route.origin.authority == authority


def test_duplicate_headers_are_all_there(connect):
    """They were kept in a dict (RFC 9110, 5.3): in requests, responses, and trailers."""
    pairs = [("set-cookie", "a=1"), ("x-a", "1"), ("set-cookie", "b=2"), ("x-a", "1")]

    def script(peer):
        peer.handshake()
        section = peer.want_headers(1)
        assert [pair for pair in section if pair in pairs] == pairs
        peer.write_headers(1, [*OK, *pairs])
        peer.write_headers(1, pairs, end_stream=True)

    connection = connect(script)
    connection.request("GET", "/", headers=pairs)
    response = connection.getresponse()
    assert response.getheaders() == pairs
    assert response.getheader("set-cookie") == "a=1, b=2"
    assert response.gettrailers() == pairs


def test_duplicate_fields_survive_the_encoder():
    """#50: header lists were made dicts before they were coded."""
    section = ((b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"1"))
    import hpack

    decoded = hpack.Decoder().decode(Encoder().encode_section(section), raw=True)
    assert tuple((bytes(name), bytes(value)) for name, value in decoded) == section


def test_ping_is_answered_while_another_stream_is_waited_for(connect):
    """#48: the answer was a method that did not exist (RFC 9113, 6.7)."""

    def script(peer):
        peer.handshake()
        want(peer)
        want(peer)
        peer.write_headers(3, OK)
        peer.write(wire.ping(b"are you?"))
        assert peer.want_ping(ack=True) == b"are you?"
        peer.write_response(1, b"first")
        peer.write_data(3, b"second", end_stream=True)

    connection = connect(script)
    first, second = connection.request("GET", "/"), connection.request("GET", "/")
    assert connection.getresponse(first).read() == b"first"
    assert connection.getresponse(second).read() == b"second"


def test_field_blocks_are_decoded_in_the_order_of_their_arrival(connect):
    """#39: they were decoded when they were asked for, and the table fell apart (RFC 7541, 2.2)."""

    def script(peer):
        peer.handshake()
        ids = [want(peer)[0] for _ in range(4)]
        for stream_id in ids:
            # The second and later blocks refer to what the first ones inserted.
            peer.write_headers(stream_id, [*OK, ("x-same", "same"), ("x-own", str(stream_id))])
        for stream_id in reversed(ids):
            peer.write_headers(
                stream_id, [("x-same", "same"), ("x-own", str(stream_id))], end_stream=True
            )

    connection = connect(script)
    ids = [connection.request("GET", "/") for _ in range(4)]
    for stream_id in reversed(ids):
        response = connection.getresponse(stream_id)
        assert response.getheaders() == [("x-same", "same"), ("x-own", str(stream_id))]
        assert response.gettrailers() == [("x-same", "same"), ("x-own", str(stream_id))]


def test_a_promises_block_is_decoded_though_nobody_asks_for_it(connect):
    def script(peer):
        peer.handshake()
        want(peer)
        request = [
            (":method", "GET"),
            (":scheme", "ftp"),  # refused
            (":authority", "other.invalid"),
            (":path", "/"),
            ("x-new", "in the table"),
        ]
        peer.write_push(1, 2, request)
        peer.write_headers(1, [*OK, ("x-new", "in the table")], end_stream=True)

    connection = connect(script)
    connection.request("GET", "/")
    assert connection.getresponse().getheaders() == [("x-new", "in the table")]


def test_windows_of_stream_and_connection_are_two(connect):
    """#27: SETTINGS changed the connection's window, and new streams took it over (6.9.2)."""

    def script(peer):
        peer.handshake({wire.SETTINGS_INITIAL_WINDOW_SIZE: 100_000})
        pong(peer)
        peer.want_headers(1)
        taken = 0
        while taken < 65_535:
            taken += len(peer.want_data(1))
        assert taken == 65_535  # the connection's
        peer.fence()
        peer.want_nothing()
        peer.write(wire.window_update(0, 100_000))
        assert len(peer.want_body(1)) == 90_000 - 65_535
        peer.write_response(1)

    connection = connect(script)
    connection.ping()
    connection.request("POST", "/", bytes(90_000))
    connection.getresponse()


def test_window_updates_are_few(connect):
    """#41, #52: one was sent for every frame."""
    size = 1 << 20

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, OK)
        peer.write_data(1, bytes(size), end_stream=True)
        pong(peer)
        updates = [f for f in peer.frames if f.type == wire.WINDOW_UPDATE]
        assert len(updates) < 8

    connection = connect(script, settings={"SETTINGS_INITIAL_WINDOW_SIZE": size})
    connection.request("GET", "/")
    assert len(connection.getresponse().read()) == size
    connection.ping()


def test_the_window_manager_is_told_the_size_of_the_document(connect):
    """#26."""
    from hyper import FlowControlManager

    told = []

    class Manager(FlowControlManager):
        def increase_window_size(self, frame_size):
            told.append(self.document_size)
            return super().increase_window_size(frame_size)

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, [*OK, ("content-length", "20000")])
        peer.write_data(1, bytes(10000))
        peer.want_window_update(1)
        peer.write_data(1, bytes(10000), end_stream=True)

    connection = connect(
        script, window_manager=Manager, settings={"SETTINGS_INITIAL_WINDOW_SIZE": 16384}
    )
    connection.request("GET", "/")
    assert len(connection.getresponse().read()) == 20000
    assert 20000 in told


def test_push_is_on_from_the_first_settings(connect):
    """#40: announced as on by default, it was off."""

    def script(peer):
        assert peer.handshake()[wire.SETTINGS_ENABLE_PUSH] == 1

    connection = connect(script)
    connection.connect()


def test_goaway_is_said_on_close(connect):
    """The connection was simply dropped (RFC 9113, 6.8)."""

    def script(peer):
        peer.handshake()
        pong(peer)
        peer.want_goaway(wire.NO_ERROR)
        peer.want_closed()

    connection = connect(script)
    connection.ping()
    connection.close()


def test_header_sections_beyond_16_kb(connect):
    """The limit was one frame (RFC 9113, 6.10)."""
    fields = [(f"x-{number}", "v" * 4000) for number in range(12)]

    def script(peer):
        peer.handshake()
        section = peer.want_headers(1)
        assert all(field in section for field in fields)
        peer.write_headers(1, [*OK, *fields], end_stream=True)

    connection = connect(script)
    connection.request("GET", "/", headers=fields)
    assert connection.getresponse().getheaders() == fields


@pytest.mark.parametrize("timeout", [2.0**31, float("inf")])
def test_a_timeout_may_be_of_any_length(connect, timeout):
    """Longer than poll counts, and than a lock waits: connecting failed, and waiting did not."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_response(1)

    connection = connect(script, timeout=timeout)
    assert connection.getresponse(connection.request("GET", "/")).status == 200


def test_timeouts_are_the_callers(connect):
    """Five seconds were fixed, and later ignored."""

    def script(peer):
        peer.handshake()
        want(peer)
        pong(peer)
        peer.write_response(1)

    connection = connect(script)
    stream_id = connection.request("GET", "/")  # the handshake may take its time
    connection.timeout = 0.01
    with pytest.raises(TimeoutError):
        connection.getresponse(stream_id)
    connection.timeout = 10
    connection.ping()
    assert connection.getresponse(stream_id).status == 200
