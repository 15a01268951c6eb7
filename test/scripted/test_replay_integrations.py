"""Every integration repeats what the server has not processed, by the one rule (RFC 9113, 8.7)."""

from __future__ import annotations

import importlib
import io
import threading
import urllib.request
import xmlrpc.client

import pytest

from hyper.testing import wire
from test.contrib.conftest import OldHandler, OldServer, running
from test.origin import Origin

DEADLINE = 10.0

# Connections that end under one request: far more than three (6.8).
MANY = 20


class Integrations:
    """One way to POST content for each integration: `post(url, content)` gives the answer."""

    def __init__(self, certificates):
        self.certificates = certificates

    def requests(self, url, content, **options):
        requests = pytest.importorskip("requests")
        from hyper.contrib import HTTP20Adapter

        with requests.Session() as session:
            session.mount("https://", HTTP20Adapter(**options))
            session.trust_env, session.verify = False, self.certificates.authority
            return session.post(url, data=content, timeout=DEADLINE).content

    def httpx(self, url, content, **options):
        httpx = pytest.importorskip("httpx")
        from hyper.contrib.httpx import HTTP20Transport

        transport = HTTP20Transport(verify=self.certificates.client_context(), **options)
        with httpx.Client(transport=transport, timeout=DEADLINE) as client:
            return client.post(url, content=content).content

    def urllib3(self, url, content, **options):
        pytest.importorskip("urllib3")
        module = importlib.import_module("hyper.contrib.urllib3")
        port = int(url.rsplit(":", 1)[1].split("/")[0])
        pool = module.HTTP20ConnectionPool(
            "localhost", port, ssl_context=self.certificates.client_context(alpn=()), **options
        )
        try:
            answer = pool.urlopen("POST", "/", body=content, retries=False, timeout=DEADLINE)
            return answer.data
        finally:
            pool.close()

    def urllib(self, url, content, **options):
        from hyper.contrib.urllib import HTTP2Handler

        handler = HTTP2Handler(context=self.certificates.client_context(alpn=()), **options)
        opener = urllib.request.build_opener(handler, urllib.request.ProxyHandler({}))
        with opener.open(url, data=content, timeout=DEADLINE) as response:
            return response.read()


INTEGRATIONS = ["requests", "httpx", "urllib3", "urllib"]


def goaways(times, refuse):
    """Serve: so many connections end with the request unprocessed; then each is answered."""
    seen = []

    def serve(peer):
        peer.handshake()
        if peer.number <= times:
            peer.want_request()
            peer.write(wire.goaway(0))
            peer.end()
            return
        stream_id, _, content = peer.want_request()
        for _ in range(refuse):
            peer.write(wire.rst_stream(stream_id, wire.REFUSED_STREAM))
            stream_id, _, content = peer.want_request()
        seen.append(content)
        peer.write_response(stream_id, b"got " + content)
        peer.want_goaway()

    return serve, seen


@pytest.mark.parametrize("integration", INTEGRATIONS)
@pytest.mark.parametrize(("times", "refused"), [(MANY, 0), (0, 6)], ids=["GOAWAY", "REFUSED"])
def test_a_post_gets_through_as_often_as_connections_end(certificates, integration, times, refused):
    """6.8; 8.7."""
    serve, seen = goaways(times, refused)
    with Origin(serve, certificates.server_context()) as origin:
        url = f"https://localhost:{origin.port}/"
        assert getattr(Integrations(certificates), integration)(url, b"content") == b"got content"
    assert seen == [b"content"]


@pytest.mark.parametrize("integration", INTEGRATIONS)
def test_without_replay_an_integration_sends_once(certificates, integration):
    """8.7: `replay=False`."""
    serve, seen = goaways(1, 0)
    with Origin(serve, certificates.server_context()) as origin:
        url = f"https://localhost:{origin.port}/"
        with pytest.raises(Exception, match="GOAWAY") as caught:
            getattr(Integrations(certificates), integration)(url, b"content", replay=False)
        assert not isinstance(caught.value, TypeError), caught.value
        assert (origin.connections, seen) == (1, [])


def test_a_call_of_xmlrpc_gets_through_as_often_as_connections_end(certificates):
    """6.8; 8.7."""
    from hyper.contrib.xmlrpc import HTTP2Transport

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        if peer.number <= MANY:
            peer.write(wire.goaway(0))
            peer.end()
            return
        answer = xmlrpc.client.dumps((7,), methodresponse=True).encode()
        peer.write_response(stream_id, answer, [(":status", "200"), ("content-type", "text/xml")])
        peer.want_goaway()

    with Origin(serve, certificates.server_context()) as origin:
        transport = HTTP2Transport(context=certificates.client_context(alpn=()))
        url = f"https://localhost:{origin.port}/"
        with xmlrpc.client.ServerProxy(url, transport=transport) as proxy:
            assert proxy.seven() == 7


@pytest.mark.parametrize("integration", ["requests", "httpx"])
@pytest.mark.parametrize("kind", ["file", "generator"])
def test_a_file_is_repeated_from_where_it_stood_and_a_generator_is_not(
    certificates, integration, kind
):
    """8.7."""
    serve, seen = goaways(2, 0)
    if kind == "file":
        content = io.BytesIO(b"skipped content" if integration == "requests" else b"content")
        content.seek(8 if integration == "requests" else 0)  # httpx announces the length of all
    else:
        content = (piece for piece in (b"con", b"tent"))
    with Origin(serve, certificates.server_context()) as origin:
        url = f"https://localhost:{origin.port}/"
        if kind == "file" and integration == "requests":
            assert Integrations(certificates).requests(url, content) == b"got content"
            assert seen == [b"content"]
        else:  # httpx makes a generator of a file, and keeps no way back
            with pytest.raises(Exception, match=r"generator|may be sent again"):
                getattr(Integrations(certificates), integration)(url, content)
            assert (origin.connections, seen) == (1, [])


class H2ThenOld(OldServer):
    """A server whose ALPN says h2 though it speaks HTTP/1.1 alone: the first connections fail."""

    chosen: list[str]

    class Handler(OldHandler):
        """Its answer to the preface of HTTP/2 has a status line, as those of HTTP/1.1 have."""

        default_request_version = "HTTP/1.1"

    def get_request(self):
        sock, address = super().get_request()
        self.chosen.append(sock.selected_alpn_protocol())
        return sock, address


@pytest.mark.parametrize("kind", ["file", "generator"])
def test_a_server_that_agrees_on_h2_and_speaks_http1_never_gets_an_empty_upload(certificates, kind):
    """3.2: the file goes from where it stood in HTTP/1.1; of a generator a part is gone."""
    requests = pytest.importorskip("requests")
    from hyper.contrib import HTTP20Adapter

    server = H2ThenOld(certificates.server_context(alpn=("h2", "http/1.1")))
    server.chosen, server.RequestHandlerClass = [], H2ThenOld.Handler
    content = io.BytesIO(b"content") if kind == "file" else (p for p in (b"con", b"tent"))
    with running(server), requests.Session() as session:
        session.mount("https://", HTTP20Adapter())
        session.trust_env, session.verify = False, certificates.authority
        url = f"https://localhost:{server.port}/"
        try:
            answer = session.post(url, data=content, timeout=DEADLINE)
        except requests.RequestException:
            assert kind == "generator"
            return
        assert kind == "file"
        assert answer.content == b"content"
        # Its answer may be lost with the connection, which it closes with octets unread.
        before = server.chosen.count("h2")
        session.post(url, data=b"second", timeout=DEADLINE)
        assert server.chosen.count("h2") == before, "what the first request found out is forgotten"


@pytest.mark.parametrize("integration", ["requests", "httpx"])
def test_a_full_server_is_explained_in_its_own_timeout(certificates, integration):
    """5.1.2: no stream is free; the words of it reach the user."""
    release, arrived = threading.Event(), threading.Semaphore(0)

    def serve(peer):
        peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1})
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.HEADERS:
                arrived.release()
                assert release.wait(DEADLINE)
                peer.write_response(frame.stream_id, b"late")

    with Origin(serve, certificates.server_context()) as origin:
        url = f"https://localhost:{origin.port}/"
        seen = []
        if integration == "requests":
            requests = pytest.importorskip("requests")
            from hyper.contrib import HTTP20Adapter

            client = requests.Session()
            client.mount("https://", HTTP20Adapter())
            client.trust_env, client.verify = False, certificates.authority
        else:
            httpx = pytest.importorskip("httpx")
            from hyper.contrib.httpx import HTTP20Transport

            transport = HTTP20Transport(verify=certificates.client_context())
            client = httpx.Client(transport=transport)
        with client:
            # As many as there may be connections to one origin.
            held = [
                threading.Thread(
                    target=lambda: seen.append(client.get(url, timeout=DEADLINE).content)
                )
                for _ in range(2)
            ]
            for each in held:
                each.start()
            for _ in held:
                assert arrived.acquire(timeout=DEADLINE)
            try:
                with pytest.raises(Exception, match="allows 1 stream"):
                    client.get(url, timeout=0.5)
            finally:
                release.set()
                for each in held:
                    each.join(DEADLINE)
    assert seen == [b"late"] * 2
