"""Each kind of failure has its exit code, and one line that says what to do."""

from __future__ import annotations

import contextlib
import socket

import pytest

from hyper.testing import ClientEnded, wire


def one_line(ended, *told):
    assert ended.err.startswith("hyper: ")
    assert ended.err.count("\n") == 1
    for words in told:
        assert words in ended.err


def with_status(status):
    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"words", [(":status", status)])

    return script


@pytest.mark.parametrize(("status", "code"), [("204", 0), ("304", 3), ("404", 4), ("500", 5)])
def test_fail_goes_by_the_status_and_still_shows_the_content(ask, status, code):
    content = "" if status in ("204", "304") else "words"
    script = with_status(status)
    if not content:

        def script(peer):
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            peer.write_headers(stream_id, [(":status", status)], end_stream=True)

    ended = ask(script, "--fail")
    assert (ended.code, ended.out) == (code, content)
    if code:
        one_line(ended, status)


def test_without_fail_a_status_is_an_answer_like_others(ask):
    assert ask(with_status("500")) == (0, "words", "")


def test_a_name_without_address(command):
    ended = command("https://no.such.name.invalid/")
    assert ended.code == 6
    one_line(ended, "has no address", "is the name right")


def test_nobody_listens(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ended = command(f"http://127.0.0.1:{port}/", "--prior-knowledge")
    assert ended.code == 7
    one_line(ended, "nobody listens there")


def test_a_server_that_breaks_the_rules(ask):
    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.data(0, b"x"))
        peer.want_goaway()

    ended = ask(script)
    assert ended.code == 16
    one_line(ended, "the peer broke HTTP/2")


def test_content_that_is_cut_short(ask):
    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200"), ("content-length", "10")])
        peer.write_data(stream_id, b"half ")
        peer.write(wire.rst_stream(stream_id, 2))

    ended = ask(script)
    assert (ended.code, ended.out) == (18, "half ")
    one_line(ended, "cut short", "5 are missing", "-c -o FILE")


@pytest.mark.parametrize("option", [(), ("--http1.1",)])
def test_content_in_http_1_1_that_is_cut_short_ends_with_18(serve, command, option):
    """RFC 9112, 8: http.client says nothing of it where content is read in pieces."""

    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf ")
        peer.end()

    ended = command(serve(script), *option)
    assert (ended.code, ended.out) == (18, "half ")
    one_line(ended, "cut short", "5 are missing", "-c -o FILE")


def test_out_of_time(ask):
    def script(peer):
        with contextlib.suppress(ClientEnded):  # on a busy machine, before the request
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            peer.want_rst(stream_id)
            peer.want_goaway()

    ended = ask(script, "--timeout", "300ms")
    assert ended.code == 28
    one_line(ended, "--timeout S waits longer")


def test_the_deadline_covers_what_a_timeout_does_not(ask):
    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.write_data(stream_id, b"some")
        peer.want_goaway()

    ended = ask(script, "--deadline", "2s")
    assert (ended.code, ended.out) == (28, "some")
    one_line(ended, "--deadline, 2 s, is over")


def test_a_stream_that_is_reset(ask):
    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write(wire.rst_stream(stream_id, 2))

    ended = ask(script)
    assert ended.code == 92
    one_line(ended, "INTERNAL_ERROR")


def test_tls_where_there_is_none(command, serve):
    def script(peer):
        peer.accept()
        peer.want_octets(5)
        peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.accept()
        peer.want_octets(5)
        peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    url = serve(script).replace("http:", "https:")
    ended = command(url)
    assert ended.code == 35
    one_line(ended, "an http:// URL is asked in cleartext")


def test_a_certificate_that_nobody_trusts(command, scripted_peer, certificates):
    peer = scripted_peer(lambda peer: peer.want_refusal(), certificates.server_context())
    ended = command(f"https://localhost:{peer.port}/")
    assert ended.code == 60
    one_line(ended, "--cacert FILE trusts another authority")


def test_a_proxy_that_refuses(command, serve):
    def proxy(peer):
        peer.accept()
        peer.want_until()
        peer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    ended = command("http://example.org/", "--prior-knowledge", "-x", serve(proxy))
    assert ended.code == 97
    one_line(ended, "403", "--no-proxy goes without it")


def test_http2_that_is_required(command, scripted_peer, certificates):
    context = certificates.server_context()
    context.set_alpn_protocols(["http/1.1"])
    peer = scripted_peer(lambda peer: peer.want_refusal(), context)
    ended = command(
        f"https://localhost:{peer.port}/", "--require-http2", "--cacert", certificates.authority
    )
    assert ended.code == 7
    one_line(ended, "HTTP/2")
