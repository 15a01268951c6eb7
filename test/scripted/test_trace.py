"""A trace of a whole connection: what an observer is told, and that it can do no harm."""

from __future__ import annotations

import pytest

from hyper import ConnectionTerminated, HTTP20Connection, Pool, trace
from hyper.testing import wire
from hyper.trace import watch
from test.scripted.steps import SHORT, want

OK = [(":status", "200")]


@pytest.fixture(autouse=True)
def _nobody_is_installed():
    before, watch.installed = watch.installed, ()
    yield
    watch.installed = before


@pytest.fixture
def recorder():
    return trace.Recorder()


def names(events):
    frames = (trace.FrameSent, trace.FrameReceived)
    return [type(event).__name__ for event in events if not isinstance(event, frames)]


def of_kind(events, *kinds):
    return [event for event in events if isinstance(event, kinds)]


def answering(peer):
    peer.handshake()
    stream_id, _, _ = want(peer)
    peer.write_headers(stream_id, OK)
    peer.write_data(stream_id, b"abc", end_stream=True)


def get(connection, url="/"):
    connection.request("GET", url)
    return connection.getresponse().read()


def test_a_request_is_told_from_its_connection_to_its_end(connect, recorder, secure):
    connection = connect(answering, trace=recorder)
    assert get(connection, "/page") == b"abc"
    connection.close()
    told = names(recorder)
    expected = ["RequestQueued", "Opening", "NameResolved", "Connecting", "Connected"]
    expected += ["TLSDone"] * secure
    expected += [
        "Opened",
        "RequestSent",
        "RequestEnd",
        "Head",
        "Content",
        "End",
        "Goaway",
        "Closed",
    ]
    assert told == expected
    assert [e.moment for e in recorder] == sorted(e.moment for e in recorder)
    (sent,) = of_kind(recorder, trace.RequestSent)
    (queued,) = of_kind(recorder, trace.RequestQueued)
    assert (sent.path, sent.queued) == ("/page", queued.moment)
    if secure:
        (tls,) = of_kind(recorder, trace.TLSDone)
        assert (tls.alpn, tls.resumed) == ("h2", False)


def test_each_connection_has_a_number_of_its_own(connect, recorder):
    def script(peer):
        answering(peer)
        peer.write(wire.goaway(1))
        peer.close()
        peer.accept()
        answering(peer)

    connection = connect(script, trace=recorder)
    get(connection)
    get(connection)
    first, second = of_kind(recorder, trace.Opened)
    assert first.connection != second.connection
    assert [e.connection for e in of_kind(recorder, trace.Head)] == [
        first.connection,
        second.connection,
    ]


def test_a_request_that_goes_out_again_is_told_with_its_reason(connect, recorder):
    """RFC 9113, 8.7."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))
        want(peer)
        peer.write_headers(3, OK, end_stream=True)

    connection = connect(script, trace=recorder)
    get(connection, "/again")
    (retry,) = of_kind(recorder, trace.Retry)
    assert (retry.method, retry.path, retry.attempt) == ("GET", "/again", 2)
    assert "REFUSED_STREAM" in retry.why
    assert [e.attempt for e in of_kind(recorder, trace.RequestSent)] == [1, 2]
    assert of_kind(recorder, trace.Cancel)[0].by_peer


def test_a_timeout_is_told_once(connect, recorder):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.want_goaway()

    connection = connect(script, trace=recorder)
    connection.request("GET", "/")
    connection.timeout = SHORT
    with pytest.raises(TimeoutError):
        connection.getresponse()
    (timeout,) = of_kind(recorder, trace.Timeout)
    assert timeout.seconds == pytest.approx(SHORT, abs=SHORT)
    connection.close()


def test_a_connection_that_cannot_be_made_is_told_with_its_reason(recorder):
    with pytest.raises(OSError, match="nobody listens"):
        HTTP20Connection("127.0.0.1", 1, trace=recorder, timeout=5).connect()
    (closed,) = of_kind(recorder, trace.Closed)
    assert "nobody listens" in closed.why


def test_the_end_is_told_with_the_peers_reason(connect, recorder):
    """RFC 9113, 6.8."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.goaway(1, wire.ENHANCE_YOUR_CALM, b"too much"))
        peer.close()

    connection = connect(script, trace=recorder, replay=False)
    with pytest.raises(ConnectionTerminated):
        get(connection)
    (closed,) = of_kind(recorder, trace.Closed)
    assert closed.error_code == wire.ENHANCE_YOUR_CALM
    assert "too much" in closed.why


def test_an_observer_that_raises_harms_no_request(connect, caplog):
    def broken(_event):
        raise ZeroDivisionError("mine")

    assert get(connect(answering, trace=broken)) == b"abc"
    assert caplog.text.count("told once") == 1


def test_an_interruption_in_an_observer_reaches_the_caller(connect):
    def interrupted(event):
        if isinstance(event, trace.Head):
            raise KeyboardInterrupt

    connection = connect(
        lambda peer: (peer.handshake(), want(peer), peer.write_headers(1, OK)), trace=interrupted
    )
    with pytest.raises(KeyboardInterrupt):
        get(connection)


def test_secrets_of_requests_are_hidden_unless_asked_for(connect):
    for recorder, value in (
        (trace.Recorder(), trace.REDACTED),
        (trace.Recorder(secrets=True), "Basic abc"),
    ):
        connection = connect(answering, trace=recorder)
        connection.request("GET", "/", headers={"authorization": "Basic abc"})
        connection.getresponse().read()
        (sent,) = of_kind(recorder, trace.RequestSent)
        assert dict(sent.fields)["authorization"] == value


def test_an_observer_of_the_process_is_told_of_objects_that_are_made_after_it(connect, recorder):
    early = connect(answering)
    trace.install(recorder)
    late = connect(answering)
    trace.uninstall(recorder)
    get(early)
    assert len(recorder) == 0
    get(late)
    assert of_kind(recorder, trace.End)


def test_the_drop_in_tells_the_same(dial, way, recorder):
    from hyper import HTTPConnection

    connection = dial(answering, HTTPConnection, trace=recorder)
    connection.request("GET", "/page")
    assert connection.getresponse().read() == b"abc"
    expected = ["Opening", "Connected"] + ["TLSDone"] * (way != "cleartext")
    expected += ["Opened", "RequestQueued", "RequestSent", "RequestEnd", "Head", "Content", "End"]
    assert names(recorder) == expected
    assert len({e.connection for e in recorder} - {0}) == 1


def test_a_pool_tells_of_the_connections_that_it_makes(scripted_peer, recorder):
    peer = scripted_peer(answering)
    with Pool(http2="prior", trace=recorder) as pool:
        assert pool.request("GET", f"http://127.0.0.1:{peer.port}/").read() == b"abc"
    assert [e.status for e in of_kind(recorder, trace.Head)] == [200]
    assert names(recorder)[-1] == "Closed"


def test_a_request_through_a_proxy_tells_of_the_tunnel(through, recorder):
    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        answering(peer)

    connection = through(script, user="name:secret@", trace=recorder)
    assert get(connection) == b"abc"
    (tunnelled,) = of_kind(recorder, trace.Tunnelled)
    assert "127.0.0.1" in tunnelled.proxy
    assert "secret" not in repr(recorder.events)
