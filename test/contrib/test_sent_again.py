"""Content that a 307 asks for again: it is sent whole, or not at all (RFC 9110, 15.4.8)."""

from __future__ import annotations

import importlib
import io

import pytest


class Pipe(io.RawIOBase):
    """A file that cannot go back."""

    def __init__(self, octets):
        self.given = io.BytesIO(octets)

    def read(self, size=-1):
        return self.given.read(size)


FORMS = {
    "file": (io.BytesIO, True),
    "list": (lambda octets: [octets], True),
    "iterator": (lambda octets: iter([octets]), False),
    "pipe": (Pipe, False),
}


@pytest.fixture(params=["httpx", "httpx2", "urllib3"])
def post(request, certificates):
    """Post content, and follow redirects: (a function of a URL and content, the error)."""
    library = pytest.importorskip(request.param)
    if request.param == "urllib3":
        integration = importlib.import_module("hyper.contrib.urllib3")
        manager = library.PoolManager(ca_certs=certificates.authority, timeout=10)
        manager.pool_classes_by_scheme = integration.POOL_CLASSES
        with manager:
            yield (
                lambda url, body: manager.request("POST", url, body=body).data,
                library.exceptions.UnrewindableBodyError,
            )
        return
    integration = importlib.import_module(f"hyper.contrib.{request.param}")
    transport = integration.HTTP20Transport(verify=certificates.client_context(alpn=()))
    with library.Client(transport=transport, timeout=10, follow_redirects=True) as client:
        yield lambda url, body: client.post(url, content=body).content, library.StreamConsumed


def redirecting(peer, count):
    """Redirect the first request; then answer some with their content."""
    peer.handshake()
    stream_id, _, content = peer.want_request()
    assert content == b"content"
    peer.write_response(stream_id, pairs=[(":status", "307"), ("location", "/new")])
    for _ in range(count):
        stream_id, _, content = peer.want_request()
        peer.write_response(stream_id, content)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_left_of_content_is_not_sent_as_if_it_were_whole(
    post, scripted_peer, certificates, form
):
    ask, error = post
    kind, can_go_again = FORMS[form]
    peer = scripted_peer(
        lambda peer: redirecting(peer, int(can_go_again)), certificates.server_context()
    )
    url = f"https://localhost:{peer.port}/old"
    if can_go_again:
        assert ask(url, kind(b"content")) == b"content"
    else:
        with pytest.raises(error):
            ask(url, kind(b"content"))


def test_a_file_that_is_given_again_goes_from_where_it_stands(post, scripted_peer, certificates):
    """Only what a server has redirected begins where it began."""
    ask, _ = post
    peer = scripted_peer(lambda peer: redirecting(peer, 2), certificates.server_context())
    url = f"https://localhost:{peer.port}/old"
    file = io.BytesIO(b"content")
    assert ask(url, file) == b"content"
    file.seek(3)
    assert ask(url, Pipe(file.read())) == b"tent"
