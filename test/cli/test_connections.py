"""Options of the connection: where it goes, whom it trusts, and which protocol is spoken."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
from pathlib import Path

import pytest


def answer(content=b"found"):
    def script(peer):
        peer.handshake()
        stream_id, fields, _ = peer.want_request()
        peer.write_response(stream_id, content or dict(fields)[":authority"].encode())

    return script


@pytest.fixture
def secure(command, scripted_peer, certificates):
    """Run the command on a script over TLS: `secure(script, *words)`."""

    def run(script, *words, trusts=True, host="localhost"):
        peer = scripted_peer(script, certificates.server_context())
        trust = ["--cacert", certificates.authority] if trusts else []
        return command(f"https://{host}:{peer.port}/", *trust, *words)

    return run


def test_resolve_takes_another_address_for_a_name(ask, serve, command):
    url = serve(answer(b""))
    port = url.rpartition(":")[2]
    name = f"nowhere.invalid:{port}"
    ended = command(f"http://{name}/", "--prior-knowledge", "--resolve", f"{name}:127.0.0.1")
    assert ended == (0, name, "")


def test_the_family_can_be_chosen(command):
    ended = command("http://127.0.0.1:1/", "--prior-knowledge", "-6")
    assert ended.code == 6
    assert "of IPv6" in ended.err


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
def test_a_unix_socket_that_is_not_there(command):
    ended = command("http://example.org/", "--prior-knowledge", "--unix-socket", "no-such.sock")
    assert ended.code == 7
    assert "no-such.sock" in ended.err


def test_insecure_trusts_anybody_without_a_word(secure):
    assert secure(answer(), "-k", trusts=False) == (0, "found", "")


def test_a_pin_trusts_its_server(secure, certificates):
    pem = Path(certificates.server.certificate).read_text()
    first = pem[: pem.index("-----END CERTIFICATE-----") + 26]
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
    assert secure(answer(), "--pin", digest).out == "found"


def test_a_pin_refuses_all_others(secure):
    ended = secure(lambda peer: peer.want_refusal(), "--pin", "00" * 32)
    assert ended.code == 60
    assert "pin" in ended.err


def test_the_client_shows_its_certificate(command, scripted_peer, certificates):
    context = certificates.server_context()
    context.load_verify_locations(certificates.authority)
    context.verify_mode = ssl.CERT_REQUIRED
    peer = scripted_peer(answer(), context)
    pair = certificates.client
    ended = command(
        f"https://localhost:{peer.port}/",
        *("--cacert", certificates.authority),
        *("--cert", pair.certificate, "--key", pair.key),
    )
    assert ended.out == "found"


@pytest.mark.skipif(not hasattr(ssl.SSLContext, "keylog_filename"), reason="PyPy logs no keys")
@pytest.mark.skipif(
    os.environ.get("HYPER_TLS") == "pyopenssl", reason="pyOpenSSL keeps the file open to the end"
)
def test_keys_are_logged(secure, tmp_path, monkeypatch):
    monkeypatch.setenv("SSLKEYLOGFILE", "")  # so that it is put back
    secure(answer(), "--keylog", "keys")
    assert "CLIENT_TRAFFIC_SECRET_0" in (tmp_path / "keys").read_text()


class TestHTTP1:
    """HTTP/1.1 by http.client's code, where it is asked for."""

    @staticmethod
    def script(seen, response=b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfound"):
        def run(peer):
            peer.accept()
            seen.append(peer.want_until())
            if b"chunked" in seen[0].lower():
                seen.append(peer.want_until(b"0\r\n\r\n"))
            peer.write(response)

        return run

    def test_an_http_url(self, serve, command):
        seen = []
        ended = command(serve(self.script(seen)) + "/x")
        assert ended == (0, "found", "")
        assert seen[0].startswith(b"GET /x HTTP/1.1\r\n")

    def test_content_of_unknown_length_is_sent_in_chunks(self, serve, command):
        seen = []
        ended = command(serve(self.script(seen)), "--http1.1", "@-", stdin=b"pipe")
        assert ended.out == "found"
        assert seen[1] == b"4\r\npipe\r\n0\r\n\r\n"

    def test_its_head_and_trailers_are_shown(self, serve, command):
        response = (
            b"HTTP/1.1 200 Fine\r\ntransfer-encoding: chunked\r\n\r\n"
            b"5\r\nfound\r\n0\r\nX-Sum: 7\r\n\r\n"
        )
        ended = command(serve(self.script([], response)), "-p", "hbt")
        assert ended.out == ("HTTP/1.1 200 Fine\ntransfer-encoding: chunked\n\nfound\n\nx-sum: 7\n")

    def test_verbose_shows_its_request(self, serve, command):
        ended = command(serve(self.script([])), "-v", "--http1.1")
        lines = ended.out.split("\n")
        assert "GET / HTTP/1.1" in lines
        assert any(line.lower().startswith("host: 127.0.0.1:") for line in lines)
        assert "HTTP/1.1 200 OK" in lines

    def test_a_server_that_does_not_upgrade_is_asked_in_it(self, serve, command):
        seen = []
        ended = command(serve(self.script(seen)), "--upgrade", "-w", " %{http_version}")
        assert ended.out == "found 1.1"
        assert b"\r\nUpgrade: h2c\r\n" in seen[0]

    def test_required_http2_is_not_spoken_to_an_http_url(self, command):
        ended = command("http://127.0.0.1:1/", "--require-http2")
        assert ended.code == 7
        assert "3.3" in ended.err
