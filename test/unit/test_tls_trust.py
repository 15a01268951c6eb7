"""Whom a context trusts, who it says it is, and which backend it is of."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import types
from contextlib import suppress
from pathlib import Path

import pytest

from hyper import HTTP20Connection, HTTPSConnection
from hyper.tls import InsecureTLSWarning, init_context
from hyper.transport.tcp import PlainTransport
from hyper.transport.tls.transport import TLSTransport, is_allowed, make_filter

DEADLINE = 10.0
PYPY = sys.implementation.name == "pypy"
TLS_1_2 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)


@pytest.fixture
def openssl():
    pytest.importorskip("service_identity")
    return pytest.importorskip("OpenSSL.SSL")


def shake_hands(server_context, client_context, name="localhost"):
    """In memory; what the server saw of the client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(incoming, outgoing, server_side=True)
    client = make_filter(client_context, name, ["h2"])
    is_done = False
    for _ in range(5):
        is_done = is_done or client.handshake()
        incoming.write(client.take_ciphertext())
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        client.feed(memoryview(outgoing.read()))
    assert is_done
    return server, client


# ----------------------------------------------------------------------- certificates


def encrypted(pair, password):
    command = ["openssl", "pkey", "-in", pair.key, "-aes256", "-passout", f"pass:{password}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def read(path):
    return Path(path).read_bytes()


SOURCES = {
    "files": lambda pair: (pair.certificate, pair.key),
    "paths": lambda pair: (Path(pair.certificate), Path(pair.key)),
    "memory": lambda pair: (read(pair.certificate), read(pair.key)),
    "memory, in one": lambda pair: read(pair.key) + read(pair.certificate),
    "a file and memory": lambda pair: (pair.certificate, read(pair.key)),
    "encrypted, in memory": lambda pair: (read(pair.certificate), encrypted(pair, "secret")),
}


@pytest.mark.parametrize("password", ["secret", b"secret"], ids=["str", "bytes"])
@pytest.mark.parametrize("source", SOURCES)
def test_client_certificates(certificates, backend, source, password):
    given = SOURCES[source](certificates.client)
    context = init_context(certificates.authority, given, password, backend=backend)
    server, _ = shake_hands(certificates.server_context(client_certificate=True), context)
    assert ("email", "client@localhost") in server.getpeercert()["subjectAltName"]


def test_a_key_that_nobody_can_read(certificates, backend):
    """Nobody is asked at the terminal."""
    pair = certificates.client
    source = (read(pair.certificate), encrypted(pair, "secret"))
    with pytest.raises(ssl.SSLError, match=r"encrypted, and no password was given \(cert_password"):
        init_context(certificates.authority, source, backend=backend)
    with pytest.raises(ssl.SSLError):
        init_context(certificates.authority, source, "wrong", backend=backend)


def test_what_is_given_in_memory_is_left_nowhere(certificates, backend, tmp_path, monkeypatch):
    """Where a system has no files in memory, one that only the user can read lives for a moment."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pair = certificates.client
    source = (read(pair.certificate), read(pair.key))
    context = init_context(certificates.authority, source, backend=backend)
    server, _ = shake_hands(certificates.server_context(client_certificate=True), context)
    assert server.getpeercert()
    assert list(tmp_path.iterdir()) == []


def test_authorities_in_memory(certificates, backend):
    context = init_context(read(certificates.authority), backend=backend)
    shake_hands(certificates.server_context(), context)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(certificates.server_context(certificates.stranger), context)


def test_the_systems_authorities(certificates, backend, monkeypatch):
    """Those that the user's environment names, as OpenSSL has it."""
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(certificates.server_context(), init_context(backend=backend))
    monkeypatch.setenv("SSL_CERT_FILE", certificates.authority)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    shake_hands(certificates.server_context(), init_context(backend=backend))


@pytest.mark.parametrize("kind", ["file", "memory"])
@pytest.mark.parametrize("which", ["authorities", "certificate", "key"])
def test_what_is_no_certificate(certificates, backend, tmp_path, kind, which):
    """One class of error, whatever is wrong and wherever it comes from."""
    wrong = b"no PEM at all"
    if kind == "file":
        (tmp_path / "wrong.pem").write_bytes(wrong)
        wrong = str(tmp_path / "wrong.pem")
    pair = certificates.client
    given = {
        "authorities": (wrong,),
        "certificate": (certificates.authority, (wrong, pair.key)),
        "key": (certificates.authority, (pair.certificate, wrong)),
    }
    with pytest.raises(ssl.SSLError):
        init_context(*given[which], backend=backend)


@pytest.mark.parametrize("empty", [b"", "", b" \n", "\u00fc".encode()])
def test_no_authority_is_nobodys(backend, empty):
    """OpenSSL would take what is empty for what was not given, and trust the system's."""
    with pytest.raises(ssl.SSLError, match=r"cert_path is empty, .* give None for the system's"):
        init_context(empty, backend=backend)


@pytest.mark.parametrize("which", ["authorities", "certificate", "key"])
def test_a_file_that_is_not_there_is_named(certificates, backend, which):
    pair, path = certificates.client, "/nowhere/at/all.pem"
    given = {
        "authorities": (path,),
        "certificate": (certificates.authority, (path, pair.key)),
        "key": (certificates.authority, (pair.certificate, path)),
    }
    with pytest.raises(FileNotFoundError, match=path):
        init_context(*given[which], backend=backend)


def test_words_between_certificates(certificates, backend):
    authorities = "Unsere eigene Stelle f\u00fcr alle\n".encode() + read(certificates.authority)
    context = init_context(authorities, backend=backend)
    shake_hands(certificates.server_context(), context)


@pytest.mark.skipif(PYPY, reason="PyPy's ssl asks Windows as soon as the platform is called so")
def test_pyopenssl_trusts_whom_windows_trusts(certificates, openssl, monkeypatch):
    """OpenSSL cannot read the system's list there; the standard library can."""
    of_windows = certificates.client_context()
    monkeypatch.setattr(ssl, "create_default_context", lambda: of_windows)
    monkeypatch.setattr(sys, "platform", "win32")
    shake_hands(certificates.server_context(), init_context(backend="pyopenssl"))


def test_truststore_where_the_system_is_the_better_judge(monkeypatch):
    """On macOS and Windows, where it is installed."""

    class Context(ssl.SSLContext):
        pass

    monkeypatch.setitem(sys.modules, "truststore", types.SimpleNamespace(SSLContext=Context))
    monkeypatch.setattr(sys, "platform", "darwin")
    context = init_context(backend="ssl")
    assert type(context) is Context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    monkeypatch.setitem(sys.modules, "truststore", None)
    assert type(init_context(backend="ssl")) is ssl.SSLContext


def test_a_context_of_truststore(certificates):
    truststore = pytest.importorskip("truststore")
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates.authority)
    shake_hands(certificates.server_context(), context)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(certificates.server_context(certificates.wrong_name), context)


def test_keys_are_logged_for_whoever_debugs(certificates, backend, tmp_path, monkeypatch):
    """SSLKEYLOGFILE, in the format of NSS."""
    path = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    context = init_context(certificates.authority, backend=backend)
    if backend == "ssl" and not hasattr(context, "keylog_filename"):
        pytest.skip("this Python's ssl cannot")
    shake_hands(certificates.server_context(), context)
    labels = {line.split()[0] for line in path.read_text().splitlines() if line[0] != "#"}
    assert {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"} <= labels


def test_keys_that_cannot_be_logged(certificates, backend, tmp_path, monkeypatch):
    """Told when the context is made, not in the middle of a handshake, or never."""
    if backend == "ssl" and not hasattr(ssl.SSLContext, "keylog_filename"):
        pytest.skip("this Python's ssl cannot")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "nowhere" / "keys"))
    with pytest.raises(FileNotFoundError, match=r"file that SSLKEYLOGFILE names.*nowhere"):
        init_context(certificates.authority, backend=backend)


def test_a_disk_that_is_full_of_keys(certificates, openssl, monkeypatch):
    """No fault of the connection's."""
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("no /dev/full")
    monkeypatch.setenv("SSLKEYLOGFILE", "/dev/full")
    context = init_context(certificates.authority, backend="pyopenssl")
    shake_hands(certificates.server_context(), context)


class Pinned:
    """A pin that notes what it is asked, and agrees or not."""

    def __init__(self, verdict):
        self.verdict, self.chains = verdict, []

    def __call__(self, chain):
        self.chains.append(chain)
        return self.verdict


def wrap(context, server_context):
    """A socket of the context, its handshake done, as http.client and urllib3 make one."""
    here, there = socket.socketpair()
    here.settimeout(DEADLINE)

    def serve():
        with suppress(OSError), server_context.wrap_socket(there, server_side=True) as secure:
            secure.recv(1)
        there.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with here, context.wrap_socket(here, server_hostname="localhost"):
            pass
    finally:
        thread.join(DEADLINE)


def test_a_pin_is_asked_after_each_handshake_whoever_makes_it(certificates):
    """The context is given to http.client, urllib3, httpx, and they ask nobody."""
    for verdict in (True, False):
        pin = Pinned(verdict)
        context = init_context(verify=False, pin=pin, backend="ssl")
        if verdict:
            wrap(context, certificates.server_context(certificates.stranger))
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match="refused by the pin"):
                wrap(context, certificates.server_context(certificates.stranger))
        own = ssl.PEM_cert_to_DER_cert(read(certificates.stranger.certificate).decode())
        assert [chain[0] for chain in pin.chains] == [own]


@pytest.mark.parametrize("verb", ["send", "sendall", "write", "recv", "read"])
def test_a_pin_is_asked_before_octets_flow_where_nobody_shook_hands(certificates, verb):
    """OpenSSL does it by itself, then."""
    context = init_context(verify=False, pin=Pinned(False), backend="ssl")
    make = context.wrap_socket

    def wrap_and_use(sock, server_hostname):
        secure = make(sock, server_hostname=server_hostname, do_handshake_on_connect=False)
        with secure:
            getattr(secure, verb)(1 if verb in ("recv", "read") else b"secret")

    with pytest.raises(ssl.SSLCertVerificationError, match="refused by the pin"):
        wrap(types.SimpleNamespace(wrap_socket=wrap_and_use), certificates.server_context())


@pytest.mark.parametrize("verdict", [True, False])
def test_a_pin_is_asked_before_octets_of_an_object_flow(certificates, verdict):
    context = init_context(verify=False, pin=Pinned(verdict), backend="ssl")
    incoming, outgoing, received = ssl.MemoryBIO(), ssl.MemoryBIO(), []
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.server_context().wrap_bio(ours, theirs, server_side=True)

    def converse():
        for _ in range(5):
            with suppress(ssl.SSLWantReadError):
                client.write(b"secret")
            ours.write(outgoing.read())
            with suppress(ssl.SSLWantReadError):
                received.append(server.read(6))
            incoming.write(theirs.read())

    if verdict:
        converse()
        assert b"secret" in received
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match="refused by the pin"):
            converse()
        assert not received


def test_a_pin_of_a_context_of_truststore(certificates, monkeypatch):
    """Its classes, which judge, are kept."""
    truststore = pytest.importorskip("truststore")
    monkeypatch.setenv("SSL_CERT_FILE", certificates.authority)
    monkeypatch.setattr(
        "hyper.transport.tls.stdlib._system_context",
        lambda: truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    for verdict in (True, False):
        pin = Pinned(verdict)
        context = init_context(pin=pin, backend="ssl")
        judges = context._ctx.sslsocket_class, context._ctx.sslobject_class
        assert all("truststore" in str(judge.__mro__[2]) for judge in judges)
        for meet in (wrap, lambda own, served: shake_hands(served, own)):
            if verdict:
                meet(context, certificates.server_context())
            else:
                with pytest.raises(ssl.SSLCertVerificationError, match="refused by the pin"):
                    meet(context, certificates.server_context())
        assert len(pin.chains) == 2


def test_a_pin_needs_no_warning(certificates, backend):
    """Whom a pin accepts is verified, by the pin."""
    init_context(verify=False, pin=len, backend=backend)  # a warning is an error here


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
        assert seen[0].filename == __file__

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


# ------------------------------------------------------------------- RFC 9113, 9.2


@pytest.fixture
def renegotiate(certificates, openssl):
    """Have a server ask for another handshake under TLS 1.2, and `check` the client then."""

    def start(context, check, content=b""):
        server_context = openssl.Context(openssl.TLS_SERVER_METHOD)
        server_context.use_certificate_chain_file(certificates.server.certificate)
        server_context.use_privatekey_file(certificates.server.key)
        server_context.set_max_proto_version(openssl.TLS1_2_VERSION)
        server = openssl.Connection(server_context, None)
        server.set_accept_state()
        client = make_filter(context, "localhost", ["h2"])

        def pass_on():
            octets = client.take_ciphertext()
            if octets:
                server.bio_write(octets)
            with suppress(openssl.WantReadError):
                server.do_handshake()
            with suppress(openssl.WantReadError):
                client.feed(memoryview(server.bio_read(65536)))

        for _ in range(5):
            client.handshake()
            pass_on()
        assert client.take_ciphertext() == b""
        if content:
            server.send(content)
        server.renegotiate()
        with suppress(openssl.WantReadError):
            server.do_handshake()
        client.feed(memoryview(server.bio_read(65536)))
        check(client)
        server.bio_write(client.take_ciphertext())  # the alert, or a ClientHello
        return server

    return start


@pytest.mark.parametrize("content", [b"", b"content"])
def test_a_renegotiation_is_refused(certificates, backend, openssl, renegotiate, content):
    """RFC 9113, 9.2.1: an error of the connection, of which the peer is told by an alert."""

    def check(client):
        view = memoryview(bytearray(100))
        if content:  # what came before counts
            assert bytes(view[: client.decrypt_into(view)]) == content
            assert client.has_more
        for _ in range(2):
            with pytest.raises(ssl.SSLError, match="renegotiate TLS, which is forbidden"):
                client.decrypt_into(view)

    server = renegotiate(init_context(certificates.authority, backend=backend), check, content)
    with pytest.raises(openssl.Error, match="no renegotiation"):
        server.recv(1)


def test_a_renegotiation_that_a_callers_own_context_allows(
    certificates, backend, openssl, renegotiate, monkeypatch
):
    """RFC 9113, 9.2.1: the same."""
    monkeypatch.delattr(openssl.Connection, "set_options", raising=False)  # before pyOpenSSL 26

    def check(client):
        with pytest.raises(ssl.SSLError, match="renegotiate TLS, which is forbidden"):
            client.decrypt_into(memoryview(bytearray(100)))

    renegotiate(certificates.own_context(backend, "ECDHE+AESGCM"), check)


@pytest.mark.skipif(PYPY, reason="PyPy does not tell a cipher's kind")
def test_ciphers_are_judged_by_name_as_openssl_judges_them_by_kind():
    """RFC 9113, 9.2.2 and appendix A: of TLS 1.2, all but those both ephemeral and AEAD."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    verdicts = {}
    for cipher in context.get_ciphers():
        if cipher["protocol"] == "TLSv1.3":
            continue
        is_ephemeral = cipher["kea"] in ("kx-ecdhe", "kx-dhe", "kx-ecdhe-psk", "kx-dhe-psk")
        # Diffie and Hellman without a certificate stand in the list, too.
        expected = is_ephemeral and cipher["aead"] and cipher["auth"] != "auth-null"
        verdicts[cipher["name"]] = is_allowed(cipher["name"]) == expected
    assert len(verdicts) > 20
    assert [name for name, is_right in verdicts.items() if not is_right] == []


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
