"""transport/tls/: which backend a context is of, and what is the same over both."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
import time

import pytest

from hyper import HTTP20Connection, HTTPSConnection
from hyper.tls import InsecureTLSWarning, init_context
from hyper.transport.tcp import PlainTransport
from hyper.transport.tls.alpn_context import ALPNContext
from hyper.transport.tls.ssl_socket import SSLSocketTransport
from hyper.transport.tls.transport import TLSTransport, make_filter
from test.unit.transport.tls.conftest import DEADLINE, read, shake_hands

# --------------------------------------------------------------------------- backends


def test_the_environment_names_the_backend(monkeypatch, openssl):
    monkeypatch.setenv("HYPER_TLS", "pyopenssl")
    assert isinstance(init_context(), openssl.Context)
    assert isinstance(init_context(backend="ssl"), ssl.SSLContext)
    monkeypatch.setenv("HYPER_TLS", "ssl")
    assert isinstance(init_context(), ssl.SSLContext)
    monkeypatch.setenv("HYPER_TLS", "gnutls")
    with pytest.raises(ValueError, match=r"'ssl' or 'pyopenssl', not 'gnutls' \(HYPER_TLS\)"):
        init_context()
    with pytest.raises(ValueError, match=r"'ssl' or 'pyopenssl', not 'openssl' \(backend\)"):
        init_context(backend="openssl")


def test_the_environment_names_the_drop_ins_backend(
    scripted_peer, certificates, monkeypatch, openssl
):
    monkeypatch.setenv("HYPER_TLS", "pyopenssl")
    monkeypatch.setenv("SSL_CERT_FILE", certificates.authority)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id)

    peer = scripted_peer(script, certificates.server_context())
    connection = HTTPSConnection("localhost", peer.port, timeout=DEADLINE)
    connection.connect()
    assert type(connection.sock).__name__ == "FilterSocket"
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()
    monkeypatch.setenv("HYPER_TLS", "ssl")
    assert isinstance(HTTPSConnection("localhost")._context, ssl.SSLContext)


@pytest.mark.parametrize("missing", ["OpenSSL", "service_identity.cryptography"])
def test_a_backend_that_is_not_installed(monkeypatch, missing):
    monkeypatch.delitem(sys.modules, "hyper.transport.tls.pyopenssl", raising=False)
    monkeypatch.delattr("hyper.transport.tls.pyopenssl", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install 'hyper\[pyopenssl\]'"):
        init_context(backend="pyopenssl")


def test_what_is_no_context():
    with pytest.raises(TypeError, match=r"an ssl.SSLContext or an OpenSSL.SSL.Context, not 'TLS'"):
        make_filter("TLS", "localhost", ["h2"])


class TestOwnContext:
    """A caller's OpenSSL.SSL.Context, which nobody has told to compare names."""

    @pytest.fixture
    def context(self, openssl, certificates):
        context = openssl.Context(openssl.TLS_CLIENT_METHOD)
        context.load_verify_locations(certificates.authority)
        context.set_verify(openssl.VERIFY_PEER)
        return context

    def test_names_are_compared(self, context, certificates):
        shake_hands(certificates.server_context(), context)
        with pytest.raises(ssl.SSLCertVerificationError, match="not for 'localhost'") as caught:
            shake_hands(certificates.server_context(certificates.wrong_name), context)
        assert caught.value.verify_code == 62

    def test_chains_are_verified(self, context, certificates):
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(certificates.server_context(certificates.stranger), context)

    def test_its_callback_is_asked(self, openssl, context, certificates):
        asked, verdict = [], True

        def ask(connection, certificate, code, depth, is_good):
            asked.append(depth)
            return verdict and is_good

        context.set_verify(openssl.VERIFY_PEER, ask)
        shake_hands(certificates.server_context(), context)
        assert asked[-1] == 0
        verdict = False
        with pytest.raises(ssl.SSLCertVerificationError, match="own callback"):
            shake_hands(certificates.server_context(), context)

    def test_what_its_callback_raises_is_raised(self, openssl, context, certificates):
        def ask(*_):
            raise KeyError("pins")

        context.set_verify(openssl.VERIFY_PEER, ask)
        with pytest.raises(KeyError, match="pins"):
            shake_hands(certificates.server_context(), context)

    def test_that_verifies_nobody_is_warned_of(self, openssl, certificates):
        context = openssl.Context(openssl.TLS_CLIENT_METHOD)
        with pytest.warns(InsecureTLSWarning, match="set_verify") as seen:
            _, client = shake_hands(certificates.server_context(certificates.stranger), context)
        assert client.certificate() == {}
        assert seen[0].filename == shake_hands.__code__.co_filename

    @pytest.mark.parametrize("kind", [HTTP20Connection, HTTPSConnection])
    def test_the_warning_points_at_the_program(self, openssl, scripted_peer, certificates, kind):
        peer = scripted_peer(lambda peer: peer.want_preface(), certificates.server_context())
        option = "ssl_context" if kind is HTTP20Connection else "context"
        context = openssl.Context(openssl.TLS_CLIENT_METHOD)
        connection = kind("localhost", peer.port, timeout=DEADLINE, **{option: context})
        with pytest.warns(InsecureTLSWarning, match="set_verify") as seen:
            connection.request("GET", "/")
        assert seen[0].filename == __file__
        connection.close()

    def test_without_a_name(self, context):
        with pytest.raises(ValueError, match="without a host's name"):
            make_filter(context, None, ["h2"])


def test_one_certificate_is_shown_alike(certificates, openssl):
    shown = []
    for backend in ("ssl", "pyopenssl"):
        context = init_context(certificates.authority, backend=backend)
        _, client = shake_hands(certificates.server_context(), context)
        shown.append((client.certificate(), client.chain()[0], client.version(), client.cipher()))
    assert shown[0] == shown[1]


# ------------------------------------------------------------- what a script sees


@pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
class TestDropIn:
    """http.client's connection over either backend."""

    @pytest.fixture
    def serve(self, scripted_peer, certificates, alpn):
        def script(peer):
            if alpn == "h2":
                peer.handshake()
                for _ in range(2):
                    stream_id, _, body = peer.want_request(credit=True)
                    bodies.append(len(body))
                    peer.write_response(stream_id, b"x" * 50_000)
                return
            for size in (0, 300_000):
                peer.want_until()
                bodies.append(len(peer.want_octets(size)))
                peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50_000)

        bodies = []
        peer = scripted_peer(script, certificates.server_context(alpn=[alpn]))
        return peer, bodies

    def test_requests(self, serve, certificates, backend, alpn):
        peer, bodies = serve
        context = init_context(certificates.authority, backend=backend)
        connection = HTTPSConnection("localhost", peer.port, context=context, timeout=DEADLINE)
        connection.request("GET", "/")
        sock = connection.sock
        assert sock.version() == "TLSv1.3"
        assert ("DNS", "localhost") in sock.getpeercert()["subjectAltName"]
        assert ssl.DER_cert_to_PEM_cert(sock.getpeercert(True)) in read(
            certificates.server.certificate
        ).decode().replace("\r", "")
        response = connection.getresponse()
        assert response.version == (20 if alpn == "h2" else 11)
        assert len(response.read()) == 50_000
        connection.request("POST", "/", body=b"y" * 300_000)
        assert len(connection.getresponse().read()) == 50_000
        assert bodies == [0, 300_000]
        connection.close()

    def test_a_name_that_does_not_fit(self, scripted_peer, certificates, backend, alpn):
        context = certificates.server_context(certificates.wrong_name, alpn=[alpn])
        peer = scripted_peer(lambda peer: peer.want_refusal(), context)
        connection = HTTPSConnection(
            "localhost",
            peer.port,
            context=init_context(certificates.authority, backend=backend),
            timeout=DEADLINE,
        )
        with pytest.raises(ssl.SSLCertVerificationError):
            connection.request("GET", "/")
        connection.close()


def test_what_a_connections_sock_tells(scripted_peer, certificates, backend):
    peer = scripted_peer(lambda peer: peer.want_preface(), certificates.server_context())
    context = init_context(certificates.authority, backend=backend)
    with HTTP20Connection(
        "localhost", peer.port, ssl_context=context, timeout=DEADLINE
    ) as connection:
        connection.connect()
        sock = connection.sock
        assert sock.version() == "TLSv1.3"
        assert sock.cipher()[1:] in (("TLSv1.3", 256), ("TLSv1.3", 128))
        assert sock.selected_alpn_protocol() == "h2"
        assert sock.compression() is None
        assert ("DNS", "localhost") in sock.getpeercert()["subjectAltName"]
        assert sock.getpeercert(binary_form=True)[:1] == b"\x30"
        assert sock.getpeername()[1] == peer.port
        assert sock.fileno() >= 0
        assert "TLSv1.3" in repr(sock)


def test_a_wrapped_socket_that_does_not_block(certificates, backend):
    """It raises what an ssl.SSLSocket does, and what is offered again goes out once."""
    from hyper.transport.tls.alpn_context import FilterSocket

    here, there = socket.socketpair()
    received, go_on = [], threading.Event()

    def serve():
        there.settimeout(DEADLINE)
        with certificates.server_context().wrap_socket(there, server_side=True) as secure:
            assert go_on.wait(DEADLINE)
            while piece := secure.recv(65536):
                received.append(piece)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    context = init_context(certificates.authority, backend=backend)
    with FilterSocket(here, make_filter(context, "localhost", ["h2"])) as secure:
        secure.settimeout(DEADLINE)
        secure.do_handshake()
        secure.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            secure.recv(1)
        sent, content = 0, os.urandom(4 << 20)
        deadline = time.monotonic() + DEADLINE
        refusals = 0
        while sent < len(content) and time.monotonic() < deadline:
            try:
                sent += secure.send(content[sent:])
            except ssl.SSLWantWriteError:
                refusals += 1
                go_on.set()
                assert PlainTransport(secure).wait(read=False, write=True, timeout=DEADLINE)
        assert refusals
        secure.settimeout(DEADLINE)
        secure.unwrap()
        with pytest.raises(ValueError, match="flags"):
            secure.recv(1, socket.MSG_PEEK)
    thread.join(DEADLINE)
    assert b"".join(received) == content


def test_a_transport_whose_socket_can_be_asked(certificates, backend):
    here, there = socket.socketpair()
    with here, there:
        context = init_context(certificates.authority, backend=backend)
        transport = TLSTransport(PlainTransport(here), context, "localhost")
        assert transport.fileno() == here.fileno()


# ------------------------------------------------------- one thread, several connections


def a_forged_record(_, client):
    client.feed(memoryview(b"\x17\x03\x03\x00\x20" + bytes(32)))
    with pytest.raises(ssl.SSLError):
        client.decrypt_into(memoryview(bytearray(10)))


def an_end_without_close_notify(_, client):
    client.feed_eof()
    assert client.decrypt_into(memoryview(bytearray(10))) == 0


def an_answer_without_tls(context, _):
    client = make_filter(context, "localhost", ["h2"])
    client.feed(memoryview(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(ssl.SSLError):
        client.handshake()


def an_end_amid_the_handshake(context, _):
    client = make_filter(context, "localhost", ["h2"])
    assert not client.handshake()
    client.end()


FAILURES = [
    a_forged_record,
    an_end_without_close_notify,
    an_answer_without_tls,
    an_end_amid_the_handshake,
]


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
def test_a_failure_is_not_told_to_others_that_use_ssl(certificates, backend, fail):
    """OpenSSL has one queue of errors a thread, where PyPy's ssl leaves what it raised."""
    context = certificates.hyper_context(backend=backend)
    _, failing = shake_hands(certificates.server_context(), context)
    server, client = shake_hands(certificates.server_context(), context)
    fail(context, failing)
    with pytest.raises(ssl.SSLWantReadError):
        server.read(10)
    client.feed(memoryview(b"\x17\x03\x03"))
    assert client.decrypt_into(memoryview(bytearray(10))) is None


def leave_an_error(certificates):
    """Do as http.client does in the same thread, whose connection fails."""
    incoming = ssl.MemoryBIO()
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    others = certificates.client_context().wrap_bio(
        incoming, ssl.MemoryBIO(), server_hostname="localhost"
    )
    with pytest.raises(ssl.SSLError):
        others.do_handshake()


def test_the_failure_of_others_that_use_ssl_is_not_the_connections(certificates, backend):
    context = certificates.hyper_context(backend=backend)
    _, client = shake_hands(certificates.server_context(), context)
    view = memoryview(bytearray(10))
    assert client.decrypt_into(view) is None  # the tickets that the server sent are read
    leave_an_error(certificates)
    client.feed(memoryview(b"\x17\x03\x03"))
    assert client.decrypt_into(view) is None


def test_the_failure_of_others_is_not_the_one_of_a_socket_of_ssl(certificates):
    """The drop-in reads and writes by an ssl.SSLSocket; another one's failure ends neither."""
    here, there = socket.socketpair()
    context = certificates.server_context()

    def serve():
        secure.append(context.wrap_socket(there, server_side=True))

    secure = []
    server = threading.Thread(target=serve)
    server.start()
    sock = ALPNContext(certificates.client_context(), ["h2"]).wrap_socket(here, "localhost")
    server.join(DEADLINE)
    with sock, secure[0]:
        transport = SSLSocketTransport(sock)
        view = memoryview(bytearray(10))
        assert transport.recv_into(view) is None  # as above
        leave_an_error(certificates)
        assert transport.recv_into(view) is None
        while transport.send(bytes(100_000)):
            pass
        leave_an_error(certificates)
        assert not transport.send(b"")
        transport.close()


def test_a_failed_handshake_of_the_drop_in_is_not_told_to_others(certificates):
    server, _ = shake_hands(certificates.server_context(), certificates.client_context())
    here, there = socket.socketpair()
    with there:
        there.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(ssl.SSLError):
            ALPNContext(certificates.client_context(), ["h2"]).wrap_socket(here, "localhost")
    with pytest.raises(ssl.SSLWantReadError):
        server.read(10)
