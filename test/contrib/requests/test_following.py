"""Redirects, cookies, authentication, failures and retries with requests."""

from __future__ import annotations

import base64
import io
import socket

import pytest

from hyper.testing import wire
from test.contrib.requests.conftest import made

requests = pytest.importorskip("requests")

from urllib3.util import Retry  # noqa: E402

# ------------------------------------------- redirects, cookies, authentication


def test_redirects_are_followed_and_kept_in_history(session, site, version):
    response = session.post(site.url("/moved"), data=b"dropped")
    assert response.text.startswith("GET|")  # as browsers do after 302
    assert [step.status_code for step in response.history] == [302]
    assert (response.url, response.raw.version) == (site.url("/see"), version)


def test_a_307_sends_the_content_again(session, site):
    response = session.put(site.url("/kept"), data=io.BytesIO(b"sent twice"))
    assert [step.status_code for step in response.history] == [307]
    assert (site.uploads / "kept").read_bytes() == b"sent twice"


def test_redirects_may_be_left_alone(session, site, version):
    response = session.get(site.url("/moved"), allow_redirects=False)
    assert (response.status_code, response.is_redirect) == (302, True)
    assert response.next.url == site.url("/see")
    assert response.raw.version == version


def test_redirects_that_do_not_end_are_ended(session, site):
    session.max_redirects = 4
    with pytest.raises(requests.TooManyRedirects):
        session.get(site.url("/loop"))


def test_a_redirect_leads_to_a_server_of_the_other_protocol(session, sites):
    for here, there in ((20, 11), (11, 20)):
        target = sites[there].url("/hello")
        response = session.get(sites[here].url(f"/away?to={target}"))
        assert [step.raw.version for step in (*response.history, response)] == [here, there]


def test_cookies_are_kept_sent_and_shown(session, site, version):
    response = session.get(site.url("/cookie"))
    assert response.text == "a=1; b=2"
    assert dict(response.history[0].cookies) == {"a": "1", "b": "2"}
    assert session.cookies.get_dict() == {"a": "1", "b": "2"}
    assert session.get(site.url("/jar"), cookies={"c": "3"}).text == "a=1; b=2; c=3"
    assert response.raw.version == version


def test_basic_authentication(session, site, version):
    assert session.get(site.url("/private")).status_code == 401
    response = session.get(site.url("/private"), auth=("ann", "secret"))
    assert (response.headers["x-user"], response.raw.version) == ("ann", version)
    in_url = site.url("/authorization").replace("//", "//bob:word@")
    assert session.get(in_url).text == "Basic " + base64.b64encode(b"bob:word").decode()


def test_digest_authentication_answers_the_challenge(session, scripted_peer, certificates):
    def script(peer):
        peer.handshake()
        stream_id, fields, _ = peer.want_request()
        assert "authorization" not in dict(fields)
        challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
        peer.write_response(
            stream_id, b"who?", [(":status", "401"), ("www-authenticate", challenge)]
        )
        stream_id, fields, _ = peer.want_request()
        assert dict(fields)["authorization"].startswith('Digest username="ann"')
        peer.write_response(stream_id, b"ann")

    peer = scripted_peer(script, certificates.server_context())
    auth = requests.auth.HTTPDigestAuth("ann", "secret")
    response = session.get(f"https://localhost:{peer.port}/", auth=auth)
    assert (response.text, response.raw.version) == ("ann", 20)


def test_hooks_are_called(session, node):
    seen = []
    session.get(node.url("/"), hooks={"response": lambda response, **_: seen.append(response)})
    assert [response.raw.version for response in seen] == [20]


# ----------------------------------------------------- failures and their retries


def test_failures_have_requests_names(session, node):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"https://localhost:{port}/", node.url("/reset/2"), node.url("/goaway/2")):
        with pytest.raises(requests.ConnectionError) as caught:
            session.get(url)
        assert caught.value.request.url == url
    with pytest.raises(requests.ConnectionError):
        session.get(node.url("/destroy"))
    with pytest.raises(requests.exceptions.InvalidURL):
        session.get("https://")
    with pytest.raises(requests.exceptions.InvalidURL, match="a b"):
        session.get(node.url("/"), headers={"Host": "a b"})
    with pytest.raises(requests.exceptions.InvalidHeader):
        session.get(node.url("/"), headers={"x": "a\r\nb: c"})
    assert session.get(node.url("/")).ok


def test_connecting_is_retried(certificates, scripted_peer):
    begun = []

    class Patient(Retry):
        def sleep(self, response=None):  # noqa: ARG002 - as Retry has it
            def script(peer):
                peer.handshake()
                stream_id, _, _ = peer.want_request()
                peer.write_response(stream_id, b"at last")

            begun.append(self)
            if len(begun) == 2:
                begun.append(scripted_peer(script, certificates.server_context()))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with made(certificates.authority, max_retries=Patient(connect=2)) as session:
        with pytest.raises(requests.ConnectionError, match="Max retries"):
            session.get(f"https://localhost:{port}/")
        assert len(begun) == 3
        assert session.get(f"https://localhost:{begun[-1].port}/").content == b"at last"


def test_statuses_are_retried_as_told(certificates, site):
    busy = Retry(total=2, status_forcelist=[503], raise_on_status=False)
    with made(certificates.authority, max_retries=busy) as session:
        response = session.get(site.url("/busy"))
        assert (response.status_code, response.text) == (503, "busy")
        assert len(response.raw.retries.history) == 2
    with made(certificates.authority, max_retries=Retry(2, status_forcelist=[503])) as session:
        with pytest.raises(requests.exceptions.RetryError):
            session.get(site.url("/busy"))
        assert session.post(site.url("/busy")).status_code == 503  # not idempotent


def test_a_status_is_retried_until_it_is_good(certificates, scripted_peer):
    def script(peer):
        peer.handshake()
        for answer in ("503", "503", "200"):
            stream_id, _, body = peer.want_request()
            assert body == b"again"
            peer.write_response(stream_id, b"", [(":status", answer), ("retry-after", "0")])

    peer = scripted_peer(script, certificates.server_context())
    with made(certificates.authority, max_retries=Retry(3, status_forcelist=[503])) as session:
        response = session.put(f"https://localhost:{peer.port}/", data=io.BytesIO(b"again"))
    assert response.status_code == 200


def test_what_a_server_guarantees_not_to_have_processed_is_sent_again(
    session, scripted_peer, certificates
):
    """RFC 9113, 8.7."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write(refused(stream_id))
        stream_id, _, body = peer.want_request()
        peer.write_response(stream_id, body)
        for _ in range(3):
            stream_id, _, _ = peer.want_request()
            peer.write(refused(stream_id))
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"at last")
        stream_id, _, body = peer.want_request()
        assert body == b"onceonly"
        peer.write(refused(stream_id))
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"end")

    def refused(stream_id):
        return wire.rst_stream(stream_id, 7)

    peer = scripted_peer(script, certificates.server_context())
    url = f"https://localhost:{peer.port}/"
    assert session.post(url, data=io.BytesIO(b"safe")).content == b"safe"
    assert session.get(url).content == b"at last"
    with pytest.raises(requests.ConnectionError):  # a generator can be read but once
        session.post(url, data=iter([b"once", b"only"]))
    assert session.get(url).content == b"end"


def test_a_server_that_asks_for_http11_gets_it(session, scripted_peer, certificates):
    """RFC 9113, 7: HTTP_1_1_REQUIRED."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write(wire.rst_stream(stream_id, 0xD))

        peer.accept()
        assert peer.selected_alpn_protocol() == "http/1.1"
        assert peer.want_until().startswith(b"PUT / HTTP/1.1\r\n")
        assert peer.want_octets(4) == b"body"
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")

    peer = scripted_peer(script, certificates.server_context(alpn=("h2", "http/1.1")))
    response = session.put(f"https://localhost:{peer.port}/", data=io.BytesIO(b"body"))
    assert (response.text, response.raw.version) == ("old", 11)


def test_a_server_that_closes_between_requests_is_called_again(session, server):
    limited = server("nginx", keepalive_requests=2)
    for _ in range(7):
        response = session.get(limited.url("/hello"))
        assert (response.text, response.raw.version) == ("hello from nginx\n", 20)
