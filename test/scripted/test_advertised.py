"""A server speaks of itself: ALTSVC (RFC 7838, 4) and ORIGIN (RFC 8336)."""

from __future__ import annotations

from hyper.testing import wire
from test.scripted.steps import want


def say(peer, *octets):
    """Have the peer say this before the next `connection.ping()` returns."""
    opaque = peer.want_ping()
    peer.write(b"".join(octets) + wire.ping(opaque, ack=True))


def test_before_anything_was_said(connect):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_response(1)

    connection = connect(script)
    assert (connection.alt_services, connection.origin_set) == ([], None)
    connection.getresponse(connection.request("GET", "/"))
    assert (connection.alt_services, connection.origin_set) == ([], None)


def test_alternative_services(connect, secure):
    """RFC 7838, 4: the origin of a stream is that of its request; the last word counts."""

    def script(peer):
        own = f"{'https' if secure else 'http'}://{peer.host}:{peer.port}"
        peer.handshake()
        want(peer)
        say(
            peer,
            wire.altsvc(0, own, 'h3=":443"'),
            wire.altsvc(0, "https://elsewhere.example", 'h2="x:1"'),  # no authority over that
            wire.altsvc(0, "", 'h3=":1"'),
            wire.altsvc(0, "no origin", 'h3=":2"'),
            wire.altsvc(1, own, 'h3=":3"'),
            wire.altsvc(5, "", 'h3=":4"'),  # an idle stream has no origin
        )
        say(peer, wire.altsvc(0, own, 'h3=":8443"; ma=60'))
        say(peer, wire.altsvc(1, "", "clear"))
        peer.write_response(1)

    connection = connect(script)
    own = f"{'https' if secure else 'http'}://{connection.host}:{connection.port}"
    stream_id = connection.request("GET", "/")
    connection.ping()
    assert connection.alt_services == [(own, 'h3=":443"')]
    connection.ping()
    assert connection.alt_services == [(own, 'h3=":8443"; ma=60')]
    connection.ping()
    assert connection.alt_services == [(own, "clear")]
    connection.getresponse(stream_id).read()


def test_the_origin_set(connect, secure):
    """RFC 8336, 2.3: the initial origin is in it; 2.2: over h2c the frame is ignored."""

    def script(peer):
        peer.handshake()
        say(
            peer,
            wire.frame(wire.ORIGIN, 0x1, 0, b"\0\x11https://flag.test"),
            wire.frame(wire.ORIGIN, 0, 1, b"\0\x13https://stream.test"),
        )
        say(peer, wire.origin([]))
        say(
            peer,
            wire.origin(
                [
                    "https://A.example:443",
                    "https://a.example",
                    "https://b.example:8443",
                    "http://c.example",
                    "https://[::1]",
                    "null",
                    "https://*.example",
                    "https://d.example/path",
                    "https://e.example:port",
                    "https://",
                    "",
                    "\xff",
                ]
            ),
        )

    connection = connect(script)
    connection.ping()
    assert connection.origin_set is None
    connection.ping()
    if not secure:
        connection.ping()
        assert connection.origin_set is None
        return
    own = f"https://{connection.host}:{connection.port}"
    assert connection.origin_set == (own,)
    connection.ping()
    assert connection.origin_set == (
        own,
        "https://a.example",
        "https://b.example:8443",
        "http://c.example",
        "https://[::1]",
    )


MISDIRECTED = [(":status", "421")]


def test_421_takes_an_origin_out_of_the_set(connect, secure):
    """RFC 8336, 2.3: the request's, however it is written, and this connection's own as well."""
    a, b = "https://a.example", "https://b.example:8443"

    def refuse(peer):
        stream_id, _, _ = want(peer)
        peer.write_headers(stream_id, MISDIRECTED, end_stream=True)

    def script(peer):
        own = f"https://{peer.host}:{peer.port}"
        peer.handshake()
        refuse(peer)  # before there is a set to be taken from
        say(peer, wire.origin([own, a, b]))
        for _ in range(3):
            refuse(peer)
        say(peer)
        say(peer, wire.origin([own, a]))

    connection = connect(script)

    def ask(url="/", **headers):
        assert connection.getresponse(connection.request("GET", url, headers=headers)).status == 421

    def check(*members):
        assert connection.origin_set == (members if secure else None)

    own = f"https://{connection.host}:{connection.port}"
    ask()
    assert connection.origin_set is None
    connection.ping()
    check(own, a, b)
    ask(Host="A.example:443")
    ask(Host="elsewhere.example")
    check(own, b)
    ask()
    connection.ping()
    check(b)
    connection.ping()
    check(own, b, a)


def test_421_to_a_promise(connect, secure):
    def script(peer):
        own = f"{'https' if secure else 'http'}://{peer.host}:{peer.port}"
        peer.handshake()
        stream_id, _, _ = want(peer)
        peer.write_push(stream_id, 2, promised(own))
        peer.write_headers(2, MISDIRECTED, end_stream=True)
        say(peer, wire.origin([own]))
        stream_id, _, _ = want(peer)
        peer.write_push(stream_id, 4, promised(own))
        peer.write_headers(4, MISDIRECTED, end_stream=True)
        say(peer)

    def promised(own):
        scheme, _, authority = own.partition("://")
        return [
            (":method", "GET"),
            (":scheme", scheme),
            (":authority", authority),
            (":path", "/x"),
        ]

    connection = connect(script)
    connection.request("GET", "/")
    connection.ping()
    own = f"https://{connection.host}:{connection.port}"
    assert connection.origin_set == ((own,) if secure else None)
    connection.request("GET", "/")
    connection.ping()
    assert connection.origin_set == (() if secure else None)


def test_an_alternative_service_of_a_coalesced_origin(connect, secure):
    """RFC 7838, 4: a stream's origin is its request's; it counts if the server may speak for it."""

    def script(peer):
        peer.handshake()
        for _ in range(3):
            want(peer)
        say(peer, *(wire.altsvc(number, "", f'h3=":{number}"') for number in (1, 3, 5)))

    connection = connect(script)
    port = connection.port
    connection.request("GET", "/")
    connection.request("GET", "/", headers={"Host": f"LOCALHOST:{port}"})
    connection.request("GET", "/", headers={"Host": "elsewhere.example"})
    connection.ping()
    scheme = "https" if secure else "http"
    said = [(f"{scheme}://{connection.host}:{port}", 'h3=":1"')]
    if secure:
        said.append((f"https://localhost:{port}", 'h3=":3"'))
    assert connection.alt_services == said
