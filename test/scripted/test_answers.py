"""Answers to the offer of HTTP/2, and what becomes of them, over TCP and Unix sockets.

========================= ========================= ============================================
the server                HTTP20Connection          the drop-in
========================= ========================= ============================================
ALPN: h2                  HTTP/2                    HTTP/2
ALPN: http/1.1, nothing   NegotiationError          HTTP/1.1
ALPN: what none offered   NegotiationError          NegotiationError, or what OpenSSL says
cleartext, HTTP/2         HTTP/2 by prior knowledge  HTTP/2 with http2="prior" or "upgrade"
cleartext, HTTP/1.1       NegotiationError          HTTP/1.1
========================= ========================= ============================================

(RFC 9113, 3.2, 3.3; RFC 7301, 3.2; RFC 7540, 3.2.)
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest

from hyper import (
    HTTP20Connection,
    HTTPConnection,
    HTTPSConnection,
    IncompleteRead,
    NegotiationError,
    Pool,
)
from hyper.testing import DEADLINE, Server, wire
from test.scripted.steps import want

ALERT_120 = bytes([21, 3, 3, 0, 2, 2, 120])  # fatal, no_application_protocol (RFC 7301, 3.2)


class UnixServer(Server):
    """A scripted server behind a Unix socket."""

    def __init__(self, path, script, context=None):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        super().__init__(script, tls=context or False, once=True, listener=listener)
        self.path = str(path)


@pytest.fixture(params=["TCP", "Unix"])
def start(request, scripted_peer, tmp_path_factory):
    """Start a peer over either: `start(script, context)`."""
    if request.param == "TCP":
        yield scripted_peer
        return
    if not hasattr(socket, "AF_UNIX"):
        pytest.skip("this system has no Unix sockets")
    with contextlib.ExitStack() as stack:

        def begin(script, context=None):
            path = tmp_path_factory.mktemp("unix") / "s"
            return stack.enter_context(UnixServer(path, script, context))

        yield begin


def own(peer, connection_class=HTTP20Connection, **options):
    """HTTP20Connection to a peer."""
    if hasattr(peer, "path"):
        options["unix_socket"] = peer.path
    return connection_class("localhost", peer.port, timeout=DEADLINE, **options)


def drop_in(peer, context=None, **options):
    """The drop-in to a peer."""
    if context is None:
        return own(peer, HTTPConnection, **options)
    return own(peer, HTTPSConnection, context=context, **options)


def answer_http1(peer):
    peer.want_until()
    peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")


def answer_http2(peer):
    peer.handshake()
    want(peer)
    peer.write_response(1, b"new")


def accept_and_wait(peer):
    with contextlib.suppress(OSError):
        peer.accept()
        peer.want_closed()


def get(connection):
    """(version, content) of a response."""
    with contextlib.closing(connection):
        answer = connection.request("GET", "/")
        response = connection.getresponse(answer) if answer else connection.getresponse()
        return response.version, response.read()


class TestTLS:
    def test_h2(self, start, certificates):
        peer = start(answer_http2, certificates.server_context())
        context = certificates.client_context()
        assert get(own(peer, ssl_context=context)) == (20, b"new")
        peer = start(answer_http2, certificates.server_context())
        assert get(drop_in(peer, certificates.client_context(alpn=()))) == (20, b"new")

    @pytest.mark.parametrize("alpn", [("http/1.1",), ()], ids=["http/1.1", "nothing"])
    def test_http_1_1_and_nothing(self, start, certificates, alpn):
        peer = start(accept_and_wait, certificates.server_context(alpn=alpn))
        with pytest.raises(NegotiationError, match="'h2' was offered by ALPN and the peer chose"):
            own(peer, ssl_context=certificates.client_context()).connect()
        peer = start(answer_http1, certificates.server_context(alpn=alpn))
        assert get(drop_in(peer, certificates.client_context(alpn=()))) == (11, b"old")

    def test_the_alert_that_no_protocol_is_shared(self, scripted_peer, certificates):
        """RFC 7301, 3.2: a strict server says so."""

        def script(peer):
            peer.want_octets(5)
            peer.write(ALERT_120)
            peer.close()

        peer = scripted_peer(script)
        with pytest.raises(NegotiationError, match="no application protocol"):
            own(peer, ssl_context=certificates.client_context()).connect()

    @pytest.mark.parametrize("nonsense", [b"h3", b"spdy/3", b"\xff\xfe", b"H2"])
    def test_what_none_has_offered(self, certificates, nonsense):
        """RFC 7301, 3.1: the server answers with one of the client's list.

        OpenSSL may refuse it before hyper can; whoever does, no request goes out.
        """
        with selecting(nonsense, certificates) as port:
            with pytest.raises((NegotiationError, ssl.SSLError)) as caught:
                own_to(port, certificates).connect()
            if isinstance(caught.value, NegotiationError):
                caught.match("'h2' was offered by ALPN and the peer chose")
        with selecting(nonsense, certificates) as port:
            context = certificates.client_context(alpn=())
            connection = HTTPSConnection("localhost", port, context=context, timeout=DEADLINE)
            # Not h2: what http.client speaks on such a connection is HTTP/1.1.
            with contextlib.closing(connection), contextlib.suppress(ssl.SSLError):
                connection.connect()
                assert connection._live_session() is None


def own_to(port, certificates):
    context = certificates.client_context()
    return HTTP20Connection("localhost", port, ssl_context=context, timeout=DEADLINE)


@contextlib.contextmanager
def selecting(chosen, certificates):
    """The port of a server whose ALPN answer is whatever it likes."""
    SSL = pytest.importorskip("OpenSSL").SSL  # noqa: N806
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(certificates.server.certificate)
    context.use_privatekey_file(certificates.server.key)
    context.set_alpn_select_callback(lambda _, __: chosen)

    def serve():
        accepted, _ = listener.accept()
        with accepted, contextlib.suppress(SSL.Error, OSError):
            secure = SSL.Connection(context, accepted)
            secure.set_accept_state()
            secure.do_handshake()
            secure.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(DEADLINE)
        assert not thread.is_alive()


class TestCleartext:
    def test_prior_knowledge(self, start):
        assert get(own(start(answer_http2), secure=False)) == (20, b"new")
        assert get(drop_in(start(answer_http2), http2="prior")) == (20, b"new")

    def test_prior_knowledge_that_is_wrong(self, start):
        def script(peer):
            peer.want_until()
            peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.close()

        with pytest.raises(NegotiationError, match="does not speak HTTP/2 with prior knowledge"):
            get(own(start(script), secure=False))
        with pytest.raises(NegotiationError, match="does not speak HTTP/2 with prior knowledge"):
            get(drop_in(start(script), http2="prior"))

    def test_an_upgrade_that_is_taken(self, start):
        """RFC 7540, 3.2."""

        def script(peer):
            head = peer.want_until()
            assert b"Upgrade: h2c\r\n" in head
            peer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
            )
            peer.write(wire.settings())
            peer.want_preface()
            peer.want_settings()
            peer.write_settings(ack=True)
            peer.write_response(1, b"new")

        assert get(drop_in(start(script), http2="upgrade")) == (20, b"new")

    def test_an_upgrade_that_is_not(self, start):
        assert get(drop_in(start(answer_http1), http2="upgrade")) == (11, b"old")

    def test_the_drop_in_asks_for_nothing_by_itself(self, start):
        assert get(drop_in(start(answer_http1))) == (11, b"old")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 33333333333333333333333333\r\n\r\nnot as much",
        b"Transfer-Encoding: chunked\r\n\r\n33333333333333333333333333\r\nnot as much",
        b"Content-Length: 4611686018427387904\r\n\r\nnot as much",
    ],
    ids=["content-length", "chunk", "more than memory"],
)
def test_content_of_astronomical_size_is_cut_short_and_nothing_worse(scripted_peer, head):
    """RFC 9112, 8: not OverflowError, not MemoryError; memory is taken as octets come."""

    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 200 OK\r\n" + head)
        peer.end()

    peer = scripted_peer(script)
    connection = HTTPConnection(peer.host, peer.port, timeout=5)
    connection.request("GET", "/")
    with pytest.raises(IncompleteRead):
        connection.getresponse().read()
    connection.close()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

#: Ways to read, which give nothing at the end.
PIECES = {
    "read": lambda response: response.read(),
    "read of some": lambda response: response.read(3),
    "read1": lambda response: response.read1(3),
    "readinto": lambda response: response.readinto(bytearray(3)),
    "readline": lambda response: response.readline(),
}


@pytest.mark.parametrize(
    "read",
    [lambda r: r.read(), lambda r: r.read(99), lambda r: r.read1(99)],
)
def test_a_chunk_of_a_negative_size_is_no_chunk(scripted_peer, read):
    """RFC 9112, 7.1: http.client reads all that ever comes for it, and into memory."""

    def script(peer):
        peer.want_until()
        peer.write(CHUNKED + b"-1\r\nnever\r\n0\r\n\r\n")
        peer.end()

    peer = scripted_peer(script)
    connection = HTTPConnection(peer.host, peer.port, timeout=5)
    connection.request("GET", "/")
    with pytest.raises(IncompleteRead) as caught:
        read(connection.getresponse())
    assert caught.value.partial == b""
    connection.close()


@pytest.mark.parametrize(
    ("octets", "is_cut"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\na\nwhole\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na\nhalf", True),
        (CHUNKED + b"7\r\na\nwhole\r\n0\r\n\r\n", False),
        (CHUNKED + b"6\r\na\nhalf\r\n", True),
        (CHUNKED + b"6\r\na\nhalf\r\nno number\r\n", True),
        (CHUNKED + b"9\r\na\nhalf", True),
        (b"HTTP/1.1 200 OK\r\n\r\na\nuntil the end", False),
    ],
)
@pytest.mark.parametrize("way", PIECES, ids=PIECES.keys())
def test_a_pool_tells_of_content_that_is_cut_short_however_it_is_read(
    scripted_peer, octets, is_cut, way
):
    """RFC 9112, 8; http.client tells of it in ``read()`` alone, and of chunks."""

    def script(peer):
        peer.want_until()
        peer.write(octets)
        peer.end()

    peer = scripted_peer(script)
    with Pool(timeout=5) as pool:
        response = pool.request("GET", f"http://{peer.host}:{peer.port}/")
        expected = pytest.raises(IncompleteRead) if is_cut else contextlib.nullcontext()
        with expected:
            while PIECES[way](response):
                pass


def test_values_that_a_pool_gives_have_one_line(scripted_peer):
    """RFC 9110, 5.5, and RFC 9112, 5.2: else they could forge a line of a log, or a field."""

    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 103 Hints\r\nLink: x\r\n\ty\r\n\r\n")
        peer.write(CHUNKED[:-2] + b"X: a\0b\r\n  c\r\nY: d\r\nX: e\r\n\r\n0\r\nZ: f\0g\r\n\r\n")

    peer = scripted_peer(script)
    with Pool(timeout=5) as pool:
        response = pool.request("GET", f"http://{peer.host}:{peer.port}/")
        assert response.headers.get_all("x") == ["a b c", "e"]
        assert response.getheader("y") == "d"
        assert response.informational[0][1]["link"] == "x y"
        assert response.read() == b""
        assert response.gettrailer("z") == "f g"


def test_what_a_closed_response_of_a_pool_lacks_is_not_missed(scripted_peer):
    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")

    peer = scripted_peer(script)
    with Pool(timeout=5) as pool:
        response = pool.request("GET", f"http://{peer.host}:{peer.port}/")
        response.close()
        assert [read(response) for read in PIECES.values()] == [b""] * 3 + [0, b""]
