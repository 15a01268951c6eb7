"""transport/tls/trust.py: whom a context trusts, and who it says it is."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import types
from pathlib import Path

import pytest

from hyper.tls import init_context
from test.unit.transport.tls.conftest import PYPY, read, shake_hands

# ----------------------------------------------------------------------- certificates


def encrypted(pair, password):
    command = ["openssl", "pkey", "-in", pair.key, "-aes256", "-passout", f"pass:{password}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


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
