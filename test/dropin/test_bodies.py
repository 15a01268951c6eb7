"""Requests and responses on the wire: what http.client put together, as RFC 9113 wants it."""

from __future__ import annotations

import pytest

from hyper.testing import wire


def answered(script, *arguments, **answer):
    """The script, then a plain answer."""

    def whole(peer):
        peer.handshake()
        script(peer)
        peer.write_response(1, *arguments, **answer)

    return whole


def test_fields_of_http_1_1_do_not_go_out(connect):
    """RFC 9113, 8.2.2 and 8.3.1."""

    def script(peer):
        section = peer.want_headers(1, end_stream=True)
        assert section[2] == (":authority", "other.example")
        assert sorted(section[4:]) == [
            ("accept-encoding", "br"),
            ("te", "trailers"),
            ("x-folded", "one two"),
            ("x-many", "one, two, 3"),
        ]

    connection = connect(answered(script))
    connection.putrequest("GET", "/", skip_host=True, skip_accept_encoding=True)
    for name, *values in (
        ("HOST", "other.example"),
        ("Connection", "close, TE"),
        ("Keep-Alive", "5"),
        ("Proxy-Connection", "close"),
        ("Upgrade", "h2c"),
        ("TE", "trailers"),
        ("Accept-Encoding", b"br"),
        ("X-Many", "one", b"two", 3),
        ("X-Folded", "one\r\n  two"),
    ):
        connection.putheader(name, *values)
    connection.endheaders()
    assert connection.getresponse().status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_no_content_ends_with_the_header_section(connect, method):
    """RFC 9113, 8.1."""
    connection = connect(answered(lambda peer: peer.want_headers(1, end_stream=True)))
    connection.request(method, "/")
    connection.getresponse()


def test_an_empty_post_says_so(connect):
    """RFC 9110, 8.6."""

    def script(peer):
        assert ("content-length", "0") in peer.want_headers(1, end_stream=True)

    connection = connect(answered(script))
    connection.request("POST", "/")
    connection.getresponse()


def test_getresponse_ends_what_was_not_called_final(connect):
    def script(peer):
        assert peer.want_request(1)[2] == b"one two"

    connection = connect(answered(script))
    connection.putrequest("POST", "/")
    connection.endheaders(b"one ")
    connection.send(b"two")
    connection.getresponse()


@pytest.mark.parametrize("wrap", [lambda view: view, lambda view: [view]], ids=["whole", "listed"])
def test_a_view_with_gaps_goes_out_without_them(connect, wrap):
    """RFC 9113, 8.1.1."""

    def script(peer):
        assert peer.want_request(1)[2] == b"one"

    connection = connect(answered(script))
    connection.request("POST", "/", wrap(memoryview(b"o-n-e")[::2]))
    assert connection.getresponse().status == 200


def test_trailers_in_ready_made_chunks_are_trailers(connect):
    """RFC 9112, 7.1.2; RFC 9113, 8.1."""

    def script(peer):
        peer.want_headers(1)
        peer.want_data(1)
        assert peer.want_headers(1, end_stream=True) == [("x-sum", "7")]

    connection = connect(answered(script))
    connection.putrequest("POST", "/")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    connection.send(b"3\r\none\r\n0\r\nX-Sum: 7\r\n\r\n")
    connection.getresponse()


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200"), ("GET", "204"), ("GET", "304")])
def test_answers_without_content(connect, method, status):
    """RFC 9110, 6.4.1: content-length may stand there all the same."""
    length = [] if status == "204" else [("content-length", "7")]
    pairs = [(":status", status), *length]
    connection = connect(answered(lambda peer: peer.want_request(1), pairs=pairs))
    connection.request(method, "/")
    response = connection.getresponse()
    assert response.read() == b""
    assert response.isclosed()
    assert response.status == int(status)


def test_interim_responses_are_not_final(connect):
    """RFC 9110, 15.2; RFC 8297."""

    def script(peer):
        peer.want_request(1)
        peer.write_headers(1, [(":status", "100")])
        peer.write_headers(1, [(":status", "103"), ("link", "</a>"), ("link", "</b>")])

    connection = connect(answered(script, b"final"))
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.read() == b"final"
    (first, _), (second, hints) = response.informational
    assert (first, second) == (100, 103)
    assert hints.get_all("Link") == ["</a>", "</b>"]


def test_trailers_are_kept(connect):
    """RFC 9113, 8.1."""

    def whole(peer):
        peer.handshake()
        peer.want_request(1)
        peer.write_headers(1, [(":status", "200")])
        peer.write_data(1, b"content")
        peer.write_headers(1, [("x-sum", "1"), ("x-sum", "2")], end_stream=True)

    connection = connect(whole)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.read() == b"content"
    assert response.gettrailer("X-Sum") == "1, 2"
    assert response.gettrailers() == [("x-sum", "1"), ("x-sum", "2")]


def test_http_1_1_keeps_trailers_and_interim_responses(old_peer):
    """RFC 9112, 7.1.2: the stdlib throws the ones away and takes the others for final."""

    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        peer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        peer.write(b"0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n")
        peer.want_until()
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")

    connection = old_peer(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert [(status, dict(fields)) for status, fields in response.informational] == [
        (100, {}),
        (103, {"Link": "</a>"}),
    ]
    assert (response.status, response.read()) == (200, b"one")
    assert response.gettrailer("X-Sum") == "1, 2"
    assert response.gettrailers() == [("x-sum", "1"), ("x-sum", "2")]
    assert response.gettrailer("none", "default") == "default"
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"two"


def test_endless_interim_responses_end(old_peer):
    """RFC 9110, 15.2: a server that says nothing else is at fault."""

    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 3000)

    connection = old_peer(script)
    connection.request("GET", "/")
    with pytest.raises(Exception, match="interim"):
        connection.getresponse()


def test_windows_are_respected(connect):
    """RFC 9113, 6.9: piece by piece, as the server takes it."""

    def script(peer):
        peer.handshake({wire.SETTINGS_INITIAL_WINDOW_SIZE: 10})
        assert peer.want_request(1, credit=True)[2] == b"x" * 100
        peer.write_response(1)

    connection = connect(script)
    connection.request("POST", "/", iter([b"x" * 99, b"x"]))
    assert connection.getresponse().status == 200


@pytest.mark.parametrize(
    "head", ["204 No Content", "304 Not Modified", "200 OK\r\nContent-Length: 0"]
)
def test_9112_6_3_peek_does_not_wait_where_no_content_can_come(old_peer, head):
    def script(peer):
        for _ in range(2):
            peer.want_until()
            peer.write(f"HTTP/1.1 {head}\r\n\r\n".encode())

    connection = old_peer(script)
    for _ in range(2):
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.peek() == response.read() == b""


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_9112_6_3_a_response_without_content_is_not_read_as_chunked(old_peer, status):
    """The connection is kept open: the next request is answered on it."""

    def script(peer):
        for _ in range(2):
            peer.want_until()
            peer.write(f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())

    connection = old_peer(script)
    for _ in range(2):
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.read() == b""
        assert response.isclosed()
