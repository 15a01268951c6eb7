"""A trace of HTTP/1.1, which http.client speaks: from the connection to its end."""

from __future__ import annotations

import pytest

from hyper import HTTPConnection, IncompleteRead, Pool, trace
from hyper.testing import wire
from test.scripted.test_trace import names, of_kind

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx-own: 1\r\n\r\nabc"
BEGUN = b"HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\nabc"


@pytest.fixture
def recorder():
    return trace.Recorder()


@pytest.fixture
def answering(scripted_peer):
    """Connect to a server that gives these answers; ends: it closes the connection then."""
    opened = []

    def start(*answers, until=b"\r\n\r\n", ends=False, **options):
        def script(peer):
            for each in answers:
                peer.want_until(until)
                peer.write(each)
            if ends:
                peer.close()

        peer = scripted_peer(script)
        opened.append(HTTPConnection(peer.host, peer.port, timeout=10, **options))
        return opened[-1]

    yield start
    for connection in opened:
        connection.close()


def get(connection, method="GET", url="/page", **options):
    connection.request(method, url, **options)
    return connection.getresponse()


def test_a_request_is_told_from_its_connection_to_its_end(answering, recorder):
    """RFC 9112."""
    connection = answering(OK, trace=recorder)
    assert get(connection).read() == b"abc"
    connection.close()
    assert names(recorder) == [
        "Opening",
        "Connected",
        "Opened",
        "RequestQueued",
        "RequestSent",
        "RequestEnd",
        "Head",
        "Content",
        "End",
        "Closed",
    ]
    (sent,) = of_kind(recorder, trace.RequestSent)
    (queued,) = of_kind(recorder, trace.RequestQueued)
    assert (sent.method, sent.path, sent.stream, sent.queued) == ("GET", "/page", 0, queued.moment)
    assert sent.authority == f"127.0.0.1:{connection.port}"
    (head,) = of_kind(recorder, trace.Head)
    assert (head.status, ("x-own", "1") in head.fields) == (200, True)
    assert len({event.connection for event in recorder}) == 1


def test_several_requests_of_a_connection_are_exchanges_of_their_own(answering, recorder):
    connection = answering(OK, OK.replace(b"200 OK", b"404 Not Found"), trace=recorder)
    for path in ("/a", "/b"):
        get(connection, url=path).read()
    found = trace.exchanges(recorder)
    assert [(each.path, each.status, each.size) for each in found] == [
        ("/a", 200, 3),
        ("/b", 404, 3),
    ]
    assert all(each.ended is not None and not each.error for each in found)


def test_content_in_chunks_is_told_without_its_coding(answering, recorder):
    """RFC 9112, 7.1."""
    chunked = (
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nx-sum: 7\r\n\r\n"
    )
    told = trace.Recorder(content=True)
    connection = answering(chunked, until=b"0\r\n\r\n", trace=told)
    response = get(connection, "POST", body=iter([b"12", b"345"]))
    assert response.read() == b"abcdefg"
    (found,) = trace.exchanges(told)
    assert (found.request_content, found.content) == (b"12345", b"abcdefg")
    assert found.trailers == (("x-sum", "7"),)
    assert [status for _, status, _ in found.informational] == [103]
    assert found.request_ended is not None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end",
        b"HTTP/1.0 200 OK\n\nlines may end by LF alone",
    ],
)
def test_a_response_of_each_framing_has_an_end(answering, recorder, answer):
    """RFC 9112, 6.3."""
    connection = answering(answer, ends=True, trace=recorder)
    content = get(connection).read()
    (found,) = trace.exchanges(recorder)
    assert found.ended is not None
    assert found.size == len(content)


def test_a_response_that_is_cut_short_has_its_error(answering, recorder):
    connection = answering(BEGUN, ends=True, trace=recorder)
    with pytest.raises(IncompleteRead):
        get(connection).read()
    (found,) = trace.exchanges(recorder)
    assert (found.status, found.size, found.ended) == (200, 3, None)
    assert "ended the connection" in found.error


def test_a_response_that_is_not_read_to_its_end_is_given_up(answering, recorder):
    connection = answering(BEGUN, trace=recorder)
    get(connection).close()
    connection.close()
    (found,) = trace.exchanges(recorder)
    assert found.is_cancelled
    assert "gave the response up" in found.error
    assert names(recorder)[-2:] == ["Cancel", "Closed"]


def test_secrets_are_hidden_unless_asked_for(answering):
    for told, value in (
        (trace.Recorder(), trace.REDACTED),
        (trace.Recorder(secrets=True), "Basic abc"),
    ):
        connection = answering(OK, trace=told)
        get(connection, headers={"authorization": "Basic abc"}).read()
        (sent,) = of_kind(told, trace.RequestSent)
        assert dict(sent.fields)["authorization"] == value


def test_the_views_show_it(answering, recorder):
    connection = answering(OK, trace=recorder)
    get(connection).read()
    connection.close()
    (entry,) = trace.har(recorder)["log"]["entries"]
    assert entry["request"]["httpVersion"] == entry["response"]["httpVersion"] == "HTTP/1.1"
    assert (entry["response"]["status"], entry["response"]["content"]["size"]) == (200, 3)
    assert "_http2_stream_id" not in entry
    assert "GET /page" in trace.waterfall(recorder)
    lines = trace.frame_lines(recorder)
    assert "send HTTP/1.1 GET /page" in lines
    assert "recv HTTP/1.1 200" in lines
    assert "push" not in "".join(trace.qlog(recorder))


def test_an_upgraded_request_has_one_exchange(scripted_peer, recorder):
    """RFC 7540, 3.2: it is that of stream 1."""

    def script(peer):
        peer.want_until()
        settings = wire.settings()
        peer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n"
            + settings
        )
        peer.want_preface()
        peer.write_headers(1, [(":status", "200")])
        peer.write_data(1, b"abc", end_stream=True)

    peer = scripted_peer(script)
    connection = HTTPConnection(peer.host, peer.port, timeout=10, http2="upgrade", trace=recorder)
    assert get(connection).read() == b"abc"
    connection.close()
    (found,) = trace.exchanges(recorder)
    assert (found.stream, found.status, found.size) == (1, 200, 3)
    assert [status for _, status, _ in found.informational] == [101]
    assert of_kind(recorder, trace.FrameReceived)[0].name == "SETTINGS"


def test_an_upgrade_that_the_server_declines_is_shown_as_http1(answering, recorder):
    connection = answering(OK, http2="upgrade", trace=recorder)
    assert get(connection).read() == b"abc"
    (entry,) = trace.har(recorder)["log"]["entries"]
    assert entry["response"]["httpVersion"] == "HTTP/1.1"
    assert "send HTTP/1.1 GET /page" in trace.frame_lines(recorder)


def test_a_pool_tells_of_requests_in_http1(scripted_peer, recorder):
    def script(peer):
        for _ in range(2):
            peer.want_until()
            peer.write(OK)

    peer = scripted_peer(script)
    with Pool(trace=recorder) as pool:
        for _ in range(2):
            assert pool.request("GET", f"http://127.0.0.1:{peer.port}/").read() == b"abc"
    assert [each.status for each in trace.exchanges(recorder)] == [200, 200]
    assert names(recorder)[-1] == "Closed"
    assert len(of_kind(recorder, trace.Opened)) == 1
