"""transport/tls/: the context that HTTP/2 wants, the filter, the transport (RFC 9113, 9.2)."""

from __future__ import annotations

import errno
import hashlib
import os
import select
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hyper.errors import NegotiationError, TimedOut
from hyper.tls import init_context
from hyper.transport.deadline import Deadline
from hyper.transport.tcp import PlainTransport
from hyper.transport.tls.context import make_filter
from hyper.transport.tls.policy import require_h2
from hyper.transport.tls.transport import TLSTransport

DEADLINE = 10.0
TLS_1_2 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
TLS_1_3 = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)


class Server:
    """The server's side over a socketpair, in a thread: shake hands, then do what the test says."""

    def __init__(self, context, act=lambda _: None):
        self.here, self.there = socket.socketpair()
        self.there.settimeout(DEADLINE)
        self.context = context
        self.act = act
        self.error = None
        self.secure = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.secure = self.context.wrap_socket(
                self.there, server_side=True, suppress_ragged_eofs=False
            )
            self.act(self.secure)
        except OSError as error:
            self.error = error

    def end(self):
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive()
        (self.secure or self.there).close()
        return self.error


@pytest.fixture
def client_context(certificates, backend):
    """A context of the backend that trusts the tests' authority alone."""
    return init_context(certificates.authority, backend=backend)


@pytest.fixture
def serve(certificates, client_context):
    """Start a server and shake hands with it: (server, transport)."""
    servers, transports = [], []

    def start(act=lambda _: None, context=None, client=None, name="localhost", **options):
        server = Server(context or certificates.server_context(), act)
        servers.append(server)
        transport = TLSTransport(
            PlainTransport(server.here), client or client_context, name, **options
        )
        transports.append(transport)
        transport.handshake(Deadline(DEADLINE))
        return server, transport

    yield start
    for transport in transports:
        transport.close()
    for server in servers:
        server.here.close()
        server.end()


def receive(transport, size=100):
    """Octets, b"" at the end; waits for them."""
    view = memoryview(bytearray(size))
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        received = transport.recv_into(view)
        if received is not None:
            return bytes(view[:received])
        transport.wait(read=True, write=False, timeout=DEADLINE)
    raise AssertionError("nothing came")


def receive_all(transport, size=65536):
    return b"".join(iter(lambda: receive(transport, size), b""))


def send_all(transport, octets):
    sent = transport.send(octets)
    while not sent:
        assert transport.wait(read=False, write=True, timeout=DEADLINE)
        sent = transport.send(b"")


# -------------------------------------------------------------------- the handshake


@pytest.mark.parametrize("versions", [TLS_1_2, TLS_1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_octets_go_both_ways(serve, certificates, versions):
    def echo(secure):
        secure.sendall(secure.recv(5)[::-1])

    _, transport = serve(echo, certificates.server_context(versions=versions))
    assert transport.recv_into(memoryview(bytearray(10))) is None
    send_all(transport, b"hello")
    assert receive(transport) == b"olleh"


class Scripted:
    """A socket's transport, of which each reading is an act: octets, or a fault."""

    def __init__(self, plain, acts):
        self.plain = plain
        self.acts = list(acts)
        self.read_would_block = False

    def recv_into(self, view):
        if not self.acts:
            self.read_would_block = True
            return None
        act = self.acts.pop(0)
        if isinstance(act, Exception):
            raise act
        view[: len(act)] = act
        return len(act)

    def __getattr__(self, name):
        return getattr(self.plain, name)


def script(serve, certificates, sizes, *last):
    """A transport that gets records of these sizes, each by a reading of its own, then the last."""
    records, is_ready, is_written = [], threading.Event(), threading.Event()

    def write(secure):
        assert is_ready.wait(DEADLINE)
        for size in sizes:
            secure.sendall(bytes(size))
        is_written.set()

    server, transport = serve(write, certificates.server_context(versions=TLS_1_2))
    is_ready.set()
    assert is_written.wait(DEADLINE)
    octets = server.here.recv(2**20, socket.MSG_DONTWAIT)
    while octets:
        size = 5 + int.from_bytes(octets[3:5], "big")
        records.append(octets[:size])
        octets = octets[size:]
    assert len(records) == len(sizes)
    transport._plain = Scripted(transport._plain, [*records, *last])
    return transport


def test_a_view_is_filled_though_its_octets_come_by_two_readings(serve, certificates, backend):
    """pyOpenSSL cannot tell how much ciphertext lies there: it gives what one reading brought."""
    transport = script(serve, certificates, [150, 100])
    in_order = {"ssl": [100, 100, 50], "pyopenssl": [100, 50, 100]}
    assert [len(receive(transport, 100)) for _ in range(3)] == in_order[backend]


def test_octets_that_came_before_a_fault_of_the_socket_count(serve, certificates):
    fault = ConnectionResetError(errno.ECONNRESET, "reset")
    transport = script(serve, certificates, [150, 100], fault)
    assert sum(len(receive(transport, 100)) for _ in range(3)) == 250
    with pytest.raises(ConnectionResetError, match="reset"):
        receive(transport, 100)


def test_an_interruption_is_no_fault_of_the_socket(serve, certificates, backend):
    """A signal handler's TimeoutError is an OSError, too: it comes out of the read that it struck.

    pyOpenSSL cannot tell how much ciphertext lies there, so that it does not receive ahead.
    """
    transport = script(serve, certificates, [150], TimeoutError("of a signal handler"))
    found = []
    for _ in range(3):
        try:
            found.append(len(receive(transport, 100)))
        except TimeoutError:
            found.append("interrupted")
    in_order = {"ssl": [100, "interrupted", 50], "pyopenssl": [100, 50, "interrupted"]}
    assert found == in_order[backend]


def test_a_silent_peer_ends_the_handshake_at_its_deadline(client_context):
    here, there = socket.socketpair()
    with here, there:
        transport = TLSTransport(PlainTransport(here), client_context, "localhost")
        with pytest.raises(TimedOut, match="the peer is silent"):
            transport.handshake(Deadline(0.02))


def test_a_peer_that_dribbles_does_not_stretch_the_deadline(client_context):
    here, there = socket.socketpair()
    done = threading.Event()

    def dribble():
        # The beginning of a record of 16 KiB, and its content octet by octet.
        there.sendall(b"\x16\x03\x03\x40\x00")
        while not done.wait(0.002):
            there.sendall(b"\x02")

    thread = threading.Thread(target=dribble, daemon=True)
    thread.start()
    with here, there:
        transport = TLSTransport(PlainTransport(here), client_context, "localhost")
        with pytest.raises(TimedOut, match="the peer began its part, and has not ended it"):
            transport.handshake(Deadline(0.1))
        done.set()
        thread.join(DEADLINE)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 100])
def test_a_peer_that_does_not_speak_tls(client_context, answer):
    here, there = socket.socketpair()
    with here, there:
        there.sendall(answer)
        transport = TLSTransport(PlainTransport(here), client_context, "localhost")
        with pytest.raises(ssl.SSLError):
            transport.handshake(Deadline(DEADLINE))


def test_a_peer_that_hangs_up_during_the_handshake(client_context):
    here, there = socket.socketpair()
    with here, there:
        transport = TLSTransport(PlainTransport(here), client_context, "localhost")
        there.shutdown(socket.SHUT_WR)
        with pytest.raises(ssl.SSLEOFError):
            transport.handshake(Deadline(DEADLINE))


DISTRUST = {
    "wrong name": ("wrong_name", "localhost", "[Hh]ostname mismatch"),
    "wrong address": ("wrong_name", "127.0.0.1", "IP address mismatch"),
    "unknown authority": ("stranger", "localhost", "unable to get (local )?issuer|self.signed"),
    "expired": ("expired", "localhost", "expired"),
}


@pytest.mark.parametrize("case", DISTRUST)
def test_a_certificate_that_does_not_convince(serve, certificates, client_context, case):
    """RFC 9113, 9.2; and the peer is told why, by an alert (RFC 8446, 6.2)."""
    which, name, words = DISTRUST[case]
    told = []

    def hear(secure):
        try:
            secure.recv(1)
        except ssl.SSLError as error:
            told.append(error)
            raise

    context = certificates.server_context(getattr(certificates, which))
    server = Server(context, hear)
    transport = TLSTransport(PlainTransport(server.here), client_context, name)
    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        transport.handshake(Deadline(DEADLINE))
    transport.close()
    assert "alert" in str(server.end()).lower()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_names_and_addresses_that_the_certificate_has(serve, name):
    _, transport = serve(name=name)
    assert ("DNS", "localhost") in transport.filter.certificate()["subjectAltName"]


@pytest.mark.parametrize("are_apart", [True, False], ids=["pair", "one file"])
def test_a_client_certificate(serve, certificates, backend, tmp_path, are_apart):
    pair, both, seen = certificates.client, tmp_path / "both.pem", []
    both.write_text(Path(pair.key).read_text() + Path(pair.certificate).read_text())
    source = (pair.certificate, pair.key) if are_apart else str(both)
    _, transport = serve(
        lambda secure: (seen.append(secure.getpeercert()), secure.sendall(b"x")),
        certificates.server_context(client_certificate=True),
        init_context(certificates.authority, source, backend=backend),
    )
    assert receive(transport) == b"x"
    assert ("email", "client@localhost") in seen[0]["subjectAltName"]


# ------------------------------------------------------------------------------- ALPN


ALPN = {
    "h2": (["h2"], ["http/1.1", "h2"], None),
    "HTTP/1.1": (["h2", "http/1.1"], ["http/1.1"], "the peer chose 'http/1.1'"),
    "nothing": (["h2"], [], "the peer chose nothing"),
}


@pytest.mark.parametrize("case", ALPN)
def test_http2_must_be_chosen(serve, certificates, case):
    """RFC 9113, 3.2."""
    offered, spoken, words = ALPN[case]
    _, transport = serve(
        context=certificates.server_context(alpn=spoken),
        protocols=offered,
    )
    if words is None:
        require_h2(transport.filter, "example.org")
        return
    with pytest.raises(NegotiationError, match=words) as caught:
        require_h2(transport.filter, "example.org")
    assert str(caught.value).startswith("example.org will not speak HTTP/2: 'h2' was offered")
    assert "RFC 9113, 3.2" in str(caught.value)


# ------------------------------------------------------------------------ octets


@pytest.mark.parametrize("size", [1, 100, 16_383, 16_384, 65_536])
def test_records_larger_than_the_view_come_in_parts(serve, size):
    """A record has up to 16 KiB; none of it is lost or left lying while one waits."""
    octets = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(4000))
    octets = octets[: 300 if size == 1 else None]

    def act(secure):
        secure.sendall(octets)
        secure.unwrap()

    _, transport = serve(act)
    assert receive_all(transport, size) == octets


def test_drained_does_not_hide_what_is_decrypted_but_not_read(serve):
    """Else one would wait for the socket while the octets are here."""
    _, transport = serve(lambda secure: secure.sendall(b"0123456789"))
    assert receive(transport, 4) == b"0123"
    assert not transport.read_would_block
    assert receive(transport, 4) == b"4567"
    assert not transport.read_would_block
    assert receive(transport, 4) == b"89"
    assert transport.recv_into(memoryview(bytearray(4))) is None
    assert transport.read_would_block


def test_a_large_upload_through_a_narrow_socket(serve):
    """Octets that the kernel does not take are kept, in order."""
    octets = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(65_536))
    digests = []

    def act(secure):
        received = hashlib.sha256()
        left = len(octets)
        while left:
            piece = secure.recv(65_536)
            received.update(piece)
            left -= len(piece)
        digests.append(received.digest())

    server, transport = serve(act)
    for at in range(0, len(octets), 262_144):
        send_all(transport, octets[at : at + 262_144])
    server.thread.join(DEADLINE)
    assert digests == [hashlib.sha256(octets).digest()]


# ------------------------------------------------------------------------ the end


def test_close_notify_is_the_end(serve):
    """RFC 8446, 6.1: even while the TCP connection stays open."""
    done = threading.Event()

    def act(secure):
        secure.sendall(b"last")
        secure.setblocking(False)
        with suppress(ssl.SSLWantReadError):
            secure.unwrap()
        assert done.wait(DEADLINE)

    _, transport = serve(act)
    begin = time.monotonic()
    try:
        assert receive(transport) == b"last"
        assert receive(transport) == b""
        assert receive(transport) == b""
    finally:
        done.set()
    assert time.monotonic() - begin < DEADLINE / 2


def test_an_end_without_close_notify_is_an_end(serve):
    """Frames and messages of HTTP/2 carry their lengths: what is cut short is noticed as such."""

    def act(secure):
        secure.sendall(b"last")
        os.close(secure.detach())

    _, transport = serve(act)
    assert receive(transport) == b"last"
    assert receive(transport) == b""


def test_an_end_within_a_record_gives_none_of_it(serve):
    def act(secure):
        os.write(secure.fileno(), b"\x17\x03\x03\x00\x20half a record")
        os.close(secure.detach())

    _, transport = serve(act)
    assert receive(transport) == b""


def test_forged_octets_are_an_error_and_not_content(serve):
    """RFC 8446, 5.2."""

    def act(secure):
        os.write(secure.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))

    server, transport = serve(act)
    server.thread.join(DEADLINE)
    with pytest.raises(ssl.SSLError):
        receive(transport)


@pytest.mark.parametrize("versions", [TLS_1_2, TLS_1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_what_comes_before_a_failure_counts(serve, certificates, versions):
    """A response that is whole is one, whatever its connection comes to; and the peer is told."""
    told = []
    broken = b"\x17\x03\x03\x00\x20" + bytes(32)

    def act(secure):
        assert is_through.wait(DEADLINE)
        secure.sendall(b"first")
        secure.sendall(b"second")
        os.write(secure.fileno(), broken)
        try:
            secure.recv(1)
        except ssl.SSLError as error:
            told.append(str(error).lower())

    is_through = threading.Event()
    server, transport = serve(act, certificates.server_context(versions=versions))
    is_through.set()  # none of it was taken with the handshake
    peeked = b""
    while not peeked.endswith(broken):
        assert select.select([transport.socket], [], [], DEADLINE)[0]
        peeked = transport.socket.recv(1 << 16, socket.MSG_PEEK)
    assert receive(transport) == b"firstsecond"
    assert not transport.read_would_block
    for _ in range(2):
        with pytest.raises(ssl.SSLError):
            transport.recv_into(memoryview(bytearray(100)))
    server.thread.join(DEADLINE)
    assert "alert" in told[0]


def test_shutdown_says_close_notify(serve):
    """RFC 8446, 6.1: the peer can tell our end from a truncation."""
    ends = []
    server, transport = serve(lambda secure: ends.append(secure.recv(1)))
    transport.shutdown()
    transport.shutdown()
    assert server.end() is None
    assert ends == [b""]


def test_the_filter_works_in_memory_alone(certificates, client_context):
    """No socket: ciphertext is fed in and taken out."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.server_context().wrap_bio(incoming, outgoing, server_side=True)
    client = make_filter(client_context, "localhost", ["h2"])
    is_done = False
    for _ in range(5):
        is_done = client.handshake()
        incoming.write(client.take_ciphertext())
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        client.feed(memoryview(outgoing.read()))
    assert is_done
    assert client.alpn_protocol() == "h2"
    client.write(b"question")
    incoming.write(client.take_ciphertext())
    assert server.read(100) == b"question"
    server.write(b"answer")
    client.feed(memoryview(outgoing.read()))
    view = memoryview(bytearray(100))
    size = client.decrypt_into(view)
    assert bytes(view[:size]) == b"answer"
    assert client.decrypt_into(view) is None


# --------------------------------------------------------------------- the context


def test_the_context_verifies_and_speaks_nothing_below_tls_1_2():
    """RFC 9113, 9.2."""
    context = init_context(backend="ssl")
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.options & ssl.OP_NO_COMPRESSION


def test_no_cipher_of_the_prohibited_is_offered():
    """RFC 9113, 9.2.2, appendix A: what is not both ephemeral and AEAD is prohibited."""
    ciphers = init_context(backend="ssl").get_ciphers()
    assert ciphers
    for cipher in ciphers:
        name = cipher["name"]
        if cipher["protocol"] == "TLSv1.3":
            continue
        assert name.startswith(("ECDHE-ECDSA-", "ECDHE-RSA-", "DHE-")), name
        assert "GCM" in name or "CHACHA20" in name, name


@pytest.mark.parametrize(
    ("cipher", "is_allowed"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256", True),  # which 9.2.2 requires of everyone
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-AES128-SHA256", False),  # in CBC mode
        ("ECDHE-ECDSA-AES128-SHA", False),
        ("ECDHE-RSA-AES128-SHA256", False),
        ("AES128-GCM-SHA256", False),  # not ephemeral
    ],
)
def test_ciphers_on_the_wire_under_tls_1_2(cipher, is_allowed):
    """RFC 9113, appendix A: what our ClientHello offers."""
    offered = {entry["name"] for entry in init_context(backend="ssl").get_ciphers()}
    assert (cipher in offered) == is_allowed


def test_a_server_of_prohibited_ciphers_is_refused(certificates, client_context):
    """RFC 9113, 9.2.2: the handshake fails, rather than HTTP/2 go on over a weak cipher."""
    context = certificates.server_context(versions=TLS_1_2)
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256")
    server = Server(context)
    transport = TLSTransport(PlainTransport(server.here), client_context, "localhost")
    with pytest.raises(ssl.SSLError):
        transport.handshake(Deadline(DEADLINE))
    transport.close()
    assert isinstance(server.end(), OSError)


def test_authorities_from_a_file_and_from_a_directory(serve, certificates, backend, tmp_path):
    for path in (certificates.authority, str(tmp_path)):
        if path == str(tmp_path):
            answer = subprocess.run(
                ["openssl", "x509", "-hash", "-noout", "-in", certificates.authority],
                check=True,
                capture_output=True,
                text=True,
            )
            (tmp_path / f"{answer.stdout.strip()}.0").write_text(
                Path(certificates.authority).read_text()
            )
        client = init_context(path, backend=backend)
        _, transport = serve(lambda secure: secure.sendall(b"x"), client=client)
        assert receive(transport) == b"x"


def test_authorities_given_replace_those_of_the_system(certificates):
    authorities = init_context(certificates.authority, backend="ssl").get_ca_certs()
    assert len(authorities) == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"cert_path": "/nowhere/at/all.pem"}, FileNotFoundError),
        ({"cert": "/nowhere/at/all.pem"}, FileNotFoundError),
        ({"cert": ("authority", "key")}, ssl.SSLError),
    ],
)
def test_files_that_do_not_fit(certificates, backend, options, error):
    if options.get("cert") == ("authority", "key"):
        options = {"cert": (certificates.server.certificate, certificates.client.key)}
    with pytest.raises(error):
        init_context(**options, backend=backend)
