"""The names of hyper 0.x by which programs were written, apns2 0.7 among them."""

from __future__ import annotations

import pytest

from hyper import HTTP20Connection, InvalidURL, Pool
from hyper.testing import wire
from test.scripted.steps import want

LIMIT = wire.SETTINGS_MAX_CONCURRENT_STREAMS


def limit_of(connection):
    """The server's limit of streams, read as apns2 reads it."""
    with connection._conn as conn:
        return conn.remote_settings.max_concurrent_streams


def answer(peer, count):
    for _ in range(count):
        stream_id, _, content = want(peer, (":method", "POST"))
        peer.write_response(stream_id, content)


def test_a_batch_keeps_to_the_limit_that_it_reads(connect):
    """5.1.2: as apns2 sends notifications, with the arguments that it gives."""

    def script(peer):
        peer.handshake({LIMIT: 3})
        peer.write(wire.ping(peer.want_ping(), ack=True))
        answer(peer, 3)
        peer.write_settings({LIMIT: 2})
        answer(peer, 2)

    connection = connect(script, force_proto="h2", proxy_host=None, proxy_port=None)
    connection.connect()
    assert limit_of(connection) == 3
    ids = [connection.request("POST", "/3/device/a", b"%d" % n, {}) for n in range(3)]
    for number, stream_id in enumerate(ids):
        with connection.get_response(stream_id) as response:
            assert (response.status, response.read()) == (200, b"%d" % number)
    for _ in range(2):
        assert connection.get_response(connection.request("POST", "/", b"x")).read() == b"x"
    assert limit_of(connection) == 2


def test_before_a_connection_there_is_no_limit():
    """5.1.2: "Initially, there is no limit"."""
    assert limit_of(HTTP20Connection("localhost", 80)) == 2**32 - 1


@pytest.mark.parametrize("is_apart", [True, False])
def test_a_request_goes_through_proxy_host(scripted_peer, is_apart):
    """RFC 9110, 9.3.6: by CONNECT."""

    def script(peer):
        assert peer.want_until().startswith(b"CONNECT example.org:80 HTTP/1.1\r\n")
        peer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.handshake()
        answer(peer, 1)

    peer = scripted_peer(script)
    where = {"proxy_host": peer.host, "proxy_port": peer.port}
    if not is_apart:
        where = {"proxy_host": f"{peer.host}:{peer.port}"}
    with HTTP20Connection("example.org", 80, timeout=10, **where) as connection:
        assert connection.getresponse(connection.request("POST", "/", b"in")).read() == b"in"


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"force_proto": "h2-15"}, ValueError, "'h2-15': HTTP20Connection speaks HTTP/2 alone"),
        ({"proxy_port": 8080}, ValueError, "proxy_port needs proxy_host"),
        ({"proxy_host": "a", "proxy": "http://b"}, ValueError, "exclude each other"),
        ({"proxy_host": "a/b"}, InvalidURL, "more than a host and its port"),
        ({"tiemout": 1}, TypeError, "unexpected keyword argument 'tiemout'"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, kind, words):
    with pytest.raises(kind, match=words):
        HTTP20Connection("localhost", **options)


@pytest.mark.parametrize("name", ["force_proto", "proxy_host", "proxy_port"])
def test_a_pool_has_no_former_names(name):
    """Its requests over HTTP/1.1 would pass by such a proxy."""
    with pytest.raises(TypeError, match=f"{name} is of hyper 0.x"):
        Pool(**{name: "h2"})
