"""A response in HTTP/1.1 that cannot have content is not read as chunked, by each integration.

http.client would wait for a chunk that never comes.
"""

from __future__ import annotations

import urllib.error

import pytest

import hyper
from test.contrib.test_options import by_dropin, by_pool, by_urllib, by_urllib3

TEXT = "HTTP/1.1 {}\r\nTransfer-Encoding: chunked\r\n\r\n"


def by_urlopen(url, certificates, options):
    try:
        by_urllib(url, certificates, options)
    except urllib.error.HTTPError as error:  # a 304 is one
        error.close()


def accept_http1(peer):
    """Let a pool find out that there is no h2."""
    while peer.selected_alpn_protocol() != "http/1.1":
        peer.accept()


@pytest.mark.parametrize("ask", [by_pool, by_dropin, by_urllib3, by_urlopen])
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_9112_6_3_a_response_without_content_ends_at_once(ask, status, scripted_peer, certificates):
    """The connection is kept open."""

    def script(peer):
        accept_http1(peer)
        peer.want_until()
        peer.write(TEXT.format(status).encode())
        peer.want_closed()

    peer = scripted_peer(script, certificates.server_context(alpn=("http/1.1",)))
    ask(f"https://localhost:{peer.port}/", certificates, {})


def test_9112_6_3_the_next_request_is_answered_on_it(scripted_peer, certificates):
    def script(peer):
        accept_http1(peer)
        for _ in range(2):
            peer.want_until()
            peer.write(TEXT.format("304 Not Modified").encode())
        peer.want_closed()

    peer = scripted_peer(script, certificates.server_context(alpn=("http/1.1",)))
    with hyper.Pool(ssl_context=certificates.hyper_context(), timeout=10) as pool:
        for _ in range(2):
            assert pool.request("GET", f"https://localhost:{peer.port}/").read() == b""
