"""transport/tls/alpn_context.py: a socket whose octets go through a filter."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from hyper.tls import OP_NO_RENEGOTIATION, init_context
from hyper.transport.tls.alpn_context import ALPNContext, FilterSocket
from hyper.transport.tls.ssl_socket import SSLSocketTransport
from hyper.transport.tls.stdlib import judges_while_wrapping
from hyper.transport.tls.transport import make_filter

DEADLINE = 10.0


class Serving(threading.Thread):
    """The server's end of a socketpair, in the hands of a function."""

    def __init__(self, there, context, act):
        super().__init__(daemon=True)
        self.there, self.context, self.act = there, context, act
        self.result, self.error = None, None
        self.start()

    def run(self):
        try:
            with self.context.wrap_socket(self.there, server_side=True) as secure:
                self.result = self.act(secure)
        except Exception as error:  # noqa: BLE001 - it is the test's
            self.error = error

    def end(self):
        self.join(DEADLINE)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


@pytest.fixture
def connect(certificates, backend):
    """A FilterSocket after its handshake, and who serves it."""
    with ExitStack() as opened:

        def start(act):
            here, there = socket.socketpair()
            there.settimeout(DEADLINE)
            serving = Serving(there, certificates.server_context(), act)
            context = init_context(certificates.authority, backend=backend)
            secure = FilterSocket(here, make_filter(context, "localhost", ["h2"]))
            opened.enter_context(secure)
            secure.settimeout(DEADLINE)
            secure.do_handshake()
            return secure, serving

        yield start


def say_end(secure):
    """close_notify alone: the TCP connection stays open."""
    secure.setblocking(False)
    with suppress(ssl.SSLWantReadError):
        secure.unwrap()


def test_after_the_end_nothing_is_pending(connect):
    """RFC 8446, 6.1."""
    done = threading.Event()

    def act(secure):
        secure.sendall(b"last")
        say_end(secure)
        assert done.wait(DEADLINE)

    secure, serving = connect(act)
    assert secure.recv(100) == b"last"
    assert secure.recv(100) == b""
    assert secure.pending() == 0
    assert secure.recv(100) == b""
    assert secure.recv_into(bytearray()) == 0
    done.set()
    serving.end()


@pytest.mark.parametrize("way", ["close_notify", "EOF"])
def test_an_adopted_one_comes_to_its_end(connect, way):
    """Nobody turns in circles, and nobody waits for what cannot come."""
    done = threading.Event()

    def act(secure):
        secure.sendall(b"last")
        if way == "close_notify":
            say_end(secure)
            assert done.wait(DEADLINE)

    secure, serving = connect(act)
    transport = SSLSocketTransport(secure)
    view = memoryview(bytearray(65536))
    seen = []
    while not seen or seen[-1] != b"":
        received = transport.recv_into(view)
        if received is None:
            assert transport.wait(read=True, write=False, timeout=DEADLINE)
        else:
            seen.append(bytes(view[:received]))
    assert b"".join(seen) == b"last"
    assert transport.recv_into(view) == 0
    done.set()
    serving.end()
    transport.close()


def test_what_comes_before_a_forged_record_is_read(connect):
    """And the peer learns why we leave (RFC 8446, 6.2)."""
    is_there = threading.Event()

    def act(secure):
        secure.sendall(b"good")
        os.write(secure.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        is_there.set()
        with pytest.raises(ssl.SSLError, match=r"alert|ALERT"):
            secure.recv(1)

    secure, serving = connect(act)
    assert is_there.wait(DEADLINE)
    assert secure.recv(100) == b"good"
    assert secure.pending()
    for _ in range(2):
        with pytest.raises(ssl.SSLError):
            secure.recv(100)
    serving.end()


def receive_all(secure):
    return b"".join(iter(lambda: secure.recv(65536), b""))


def test_a_file_is_encrypted(connect, tmp_path):
    content = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(content)
    secure, serving = connect(receive_all)
    with Path(tmp_path / "file").open("rb") as file:
        assert secure.sendfile(file) == len(content)
        assert secure.sendfile(file, offset=10, count=5) == 5
    secure.unwrap()
    assert serving.end() == content + content[10:15]


WAYS_AROUND = {
    "sendmsg": (NotImplementedError, [[b"in the clear"]]),
    "sendto": (ValueError, [b"in the clear", ("127.0.0.1", 1)]),
    "recvmsg": (NotImplementedError, [10]),
    "recvmsg_into": (NotImplementedError, [[bytearray(10)]]),
    "recvfrom": (ValueError, [10]),
    "recvfrom_into": (ValueError, [bytearray(10)]),
    "dup": (NotImplementedError, []),
}


@pytest.mark.parametrize("name", WAYS_AROUND)
def test_there_is_no_way_around_the_filter(connect, name):
    """As ssl.SSLSocket refuses them."""
    kind, arguments = WAYS_AROUND[name]
    secure, serving = connect(receive_all)
    with pytest.raises(kind, match="a TLS socket"):
        getattr(secure, name)(*arguments)
    secure.sendall(b"encrypted")
    secure.unwrap()
    assert serving.end() == b"encrypted"


# --------------------------------------------------------------------------- offering


class Wrapping:
    """A context that notes how it is used."""

    def __init__(self, options):
        self.options = options
        self.seen = None

    def set_alpn_protocols(self, protocols):
        pass

    def wrap_socket(self, _sock, **options):
        self.seen = self.options, options
        return self

    def do_handshake(self):
        pass


def test_a_context_of_the_callers_does_not_renegotiate():
    """RFC 9113, 9.2.1; and the context is afterwards what it was."""
    context = Wrapping(ssl.OP_NO_COMPRESSION)
    ALPNContext(context, ["h2"]).wrap_socket(None, "localhost")
    options, _ = context.seen
    assert options == ssl.OP_NO_COMPRESSION | OP_NO_RENEGOTIATION
    assert context.options == ssl.OP_NO_COMPRESSION


def by_offering(context, sock):
    return ALPNContext(context, ["h2"]).wrap_socket(sock, "localhost")


def by_urllib3s_integration(context, sock):
    from hyper.contrib.urllib3 import _ALPNContext

    offering = _ALPNContext(context)
    offering.set_alpn_protocols(["http/1.1"])
    return offering.wrap_socket(sock, server_hostname="localhost")


@pytest.mark.parametrize("wrap", [by_offering, by_urllib3s_integration])
def test_a_server_that_wants_another_handshake(certificates, wrap):
    """RFC 9113, 9.2.1: it is told that there is none."""
    openssl = pytest.importorskip("OpenSSL.SSL")
    if wrap is by_urllib3s_integration:
        pytest.importorskip("urllib3", "2.0")
    context = openssl.Context(openssl.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(certificates.server.certificate)
    context.use_privatekey_file(certificates.server.key)
    context.set_max_proto_version(openssl.TLS1_2_VERSION)
    here, there = socket.socketpair()
    here.settimeout(DEADLINE)
    refusals = []

    def serve():
        server = openssl.Connection(context, there)
        server.set_accept_state()
        server.do_handshake()
        server.renegotiate()
        try:
            server.do_handshake()
            server.recv(1)
        except openssl.Error as error:
            refusals.append(str(error))
        there.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with wrap(certificates.own_context("ssl", "ECDHE+AESGCM"), here) as secure:
        with suppress(OSError):  # the server's alert, or its end
            secure.recv(1)
        thread.join(DEADLINE)
    assert "no renegotiation" in refusals[0]


@pytest.mark.parametrize("is_old", [True, False])
def test_a_truststore_that_judges_while_it_wraps(is_old):
    """Before 0.10.5: its socket was as good as not verified where the handshake came later."""

    class Judge(ssl.SSLSocket):
        pass

    context = Wrapping(0)
    context._ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not is_old:
        context._ctx.sslsocket_class = Judge
    assert judges_while_wrapping(context) == is_old
    ALPNContext(context, ["h2"]).wrap_socket(None, "localhost")
    assert context.seen[1]["do_handshake_on_connect"] == is_old
