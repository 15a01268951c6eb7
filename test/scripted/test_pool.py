"""hyper.Pool: many hosts, from any thread. This is its specification, and its tests.

    Pool(*, max_connections_per_origin=2, max_idle=64, idle_timeout=90.0, coalesce=False,
         **options)

    with hyper.Pool(timeout=10) as pool:
        response = pool.request("GET", "https://example.org/")

* `request(method, url, body=None, headers=(), *, trailers=None, priority=None, timeout=...)` sends
  a request to the origin of an absolute http or https URL, waits for the header section of its
  response and gives that: an HTTP20Response, or, where the server speaks HTTP/1.1 alone, an
  HTTPResponse of http.client's, both with status, headers, read() and close(), and usable in a
  `with` block. The fragment of the URL is not sent (RFC 9110, 7.1), userinfo is refused
  (InvalidURL; RFC 9110, 4.2.4), and so is any scheme but these two (ValueError). timeout: seconds
  for all of it, waits for a free stream or connection included. Without it, that of the options
  counts. The limits of body, headers and errors are those of HTTP20Connection.request. Requests
  that the server has not processed go out again by the same rule (8.7), which `replay=False`
  switches off.
* Connections are kept by origin: scheme, host in lower case and IDNA, port (the default one filled
  in). https agrees by ALPN; a server that chooses http/1.1 is asked by the drop-in from then on,
  with one connection for each request under way (max_connections_per_origin does not count these:
  HTTP/1.1 has no streams), and ALPN is asked again with each new connection. http is HTTP/1.1,
  unless `http2="prior"` is among the options.
* A connection whose server allows no further stream is joined by another, up to
  max_connections_per_origin; beyond it a request waits for its turn, as long as its timeout allows,
  and the TimeoutError says why.
* One that has ended, is suspect or was inherited by a fork is replaced; those that wait there are
  left alone.
* A connection without a stream is idle. It is closed after idle_timeout seconds (None: never), or
  when more than max_idle are, the longest idle first. hyper has no thread: that is looked after by
  each call of `request`, and so is a server's FIN, so that no socket stays in CLOSE-WAIT longer
  than until the next call, whichever host that is for. `close_idle(seconds=0.0)` does it now.
* `coalesce=True` lets a request for another https origin use a connection whose certificate covers
  its host, whose port is the same, and which is not through a proxy: only where the server has sent
  an ORIGIN frame that names it (RFC 8336), or, without one, where DNS gives an address of that
  connection's peer (RFC 9113, 9.1.1). 421 closes that way for the origin, and the request goes out
  again on a connection of its own (RFC 9110, 15.5.20).
* `close()` ends every connection at once (GOAWAY), dials included; requests that wait raise
  ConnectionTerminated. It may be used again after it. A Pool is a context manager.
* `len(pool)` is the number of its connections. No redirects, cookies, sessions, caches.
* options: those of HTTP20Connection, except host, port and secure. With unix_socket every origin is
  behind that socket.
* `require_http2=True` makes it an error (NegotiationError) that a server needs HTTP/1.1; without it
  the logger `hyper` tells why.
"""

from __future__ import annotations

import contextlib
import threading

import pytest

import hyper
from hyper.testing import ClientEnded, wire
from test.contrib.conftest import OldServer, running
from test.origin import Echo, Origin
from test.threads.test_shared import run
from test.words import all_words

DEADLINE = 10.0


@pytest.fixture
def pool(certificates):
    """A pool that trusts the tests' authority."""
    with hyper.Pool(timeout=DEADLINE, ssl_context=certificates.hyper_context()) as made:
        yield made


@pytest.fixture
def make(certificates):
    """Make pools with options of the test's."""
    made = []

    def start(**options):
        options.setdefault("timeout", DEADLINE)
        made.append(hyper.Pool(ssl_context=certificates.hyper_context(), **options))
        return made[-1]

    yield start
    for each in made:
        each.close()


def url_of(server, path="/", host="localhost", scheme="https"):
    return f"{scheme}://{host}:{server.port}{path}"


def test_many_requests_to_one_origin_share_one_connection(pool, certificates):
    """9.1: whatever the letters of its host."""
    with Echo(certificates.server_context()) as server:
        for turn in range(10):
            host = "localhost" if turn % 2 else "LocalHost"
            path = f"/{turn}?a=b"
            response = pool.request("POST", url_of(server, path, host) + "#part", b"content")
            assert response.status == 200
            assert response.read() == Echo.answer_to("POST", path, None, b"content")
        assert (server.connections, len(pool)) == (1, 1)


def test_each_origin_has_a_connection_of_its_own(pool, certificates):
    """9.1.1: another port is another origin, and so is another name."""
    context = certificates.server_context()
    with Echo(context) as one, Echo(context) as two:
        for server in (one, two):
            for host in ("localhost", "127.0.0.1"):
                with pool.request("GET", url_of(server, host=host)) as response:
                    assert response.read() == Echo.answer_to("GET", "/")
        assert (one.connections, two.connections, len(pool)) == (2, 2, 4)


def test_any_thread_may_use_it_for_any_host(pool, certificates):
    """9.1: 16 threads, two servers that say GOAWAY after every five requests."""
    context = certificates.server_context()
    with Echo(context, goaway_every=5) as one, Echo(context) as two:

        def ask(thread):
            for turn in range(10):
                path, content = f"/{thread}/{turn}", f"{thread} {turn}".encode() * 30
                server = (one, two)[turn % 2]
                response = pool.request("POST", url_of(server, path), content)
                assert response.read() == Echo.answer_to("POST", path, None, content)

        errors = run(*(lambda n=n: ask(n) for n in range(16)))
        assert not errors, errors[:3]
        assert set(one.processed.values()) | set(two.processed.values()) == {1}


def holding(release, limit, held=None):
    """Serve: so many streams at once; answers wait for release."""
    writing = threading.Lock()  # a TLS socket takes one thread at a time

    def serve(peer):
        peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: limit})
        for frame, fields, _ in peer.arrivals():
            if frame.type != wire.HEADERS:
                continue
            if dict(fields)[":path"] == "/held":
                if held is not None:
                    held.release()
                threading.Thread(target=answer, args=(peer, frame.stream_id)).start()
            else:
                with writing:
                    peer.write_response(frame.stream_id, b"connection %d" % peer.number)

    def answer(peer, stream_id):
        release.wait(DEADLINE)
        with contextlib.suppress(ClientEnded, OSError), writing:
            peer.write_response(stream_id, b"held")

    return serve


def test_a_second_connection_is_opened_where_all_streams_are_taken(pool, certificates):
    """5.1.2: long polls do not stop what comes after them."""
    release, held = threading.Event(), threading.Semaphore(0)
    with Origin(holding(release, 2, held), certificates.server_context()) as server:
        url, errors = url_of(server, "/held"), []

        def poll():
            try:
                assert pool.request("GET", url).read() == b"held"
            except BaseException as error:  # noqa: BLE001  the test looks at it
                errors.append(error)

        polls = [threading.Thread(target=poll) for _ in range(2)]
        for each in polls:
            each.start()
            assert held.acquire(timeout=DEADLINE)
        assert pool.request("GET", url_of(server)).read() == b"connection 2"
        release.set()
        for each in polls:
            each.join(DEADLINE)
        assert not errors
        assert server.connections == 2


def test_no_more_connections_to_an_origin_than_the_limit(make, certificates):
    """5.1.2: then a request waits for its turn, and the timeout says why."""
    release, held = threading.Event(), threading.Semaphore(0)
    pool = make(max_connections_per_origin=3)
    with Origin(holding(release, 1, held), certificates.server_context()) as server:
        url = url_of(server, "/held")
        polls = [threading.Thread(target=lambda: pool.request("GET", url).read()) for _ in range(3)]
        for each in polls:
            each.start()
            assert held.acquire(timeout=DEADLINE)
        with pytest.raises(TimeoutError, match=r"3 connections.*1 stream"):
            pool.request("GET", url_of(server), timeout=0.3)
        release.set()
        for each in polls:
            each.join(DEADLINE)
        assert server.connections == 3


def test_idle_connections_are_closed_after_their_time(make, certificates):
    """9.1: by the next call, whichever host that is for."""
    context, ended = certificates.server_context(), threading.Event()

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"whole")
        peer.want_goaway(wire.NO_ERROR)
        ended.set()

    pool = make(idle_timeout=0.0)
    with Origin(serve, context) as idle, Echo(context) as other:
        assert pool.request("GET", url_of(idle)).read() == b"whole"
        assert pool.request("GET", url_of(other)).read() == Echo.answer_to("GET", "/")
        assert ended.wait(DEADLINE)
        pool.close_idle()
        assert len(pool) == 0


def test_no_more_idle_connections_than_the_limit(make, certificates):
    """9.1: the longest idle go first."""
    context = certificates.server_context()
    pool = make(max_idle=2)
    with Echo(context) as one, Echo(context) as two, Echo(context) as three:
        for server in (one, two, three, two, three):
            pool.request("GET", url_of(server)).read()
        assert len(pool) == 2
        assert (one.connections, two.connections, three.connections) == (1, 1, 1)
        pool.request("GET", url_of(one)).read()
        assert one.connections == 2


def test_a_connection_whose_response_is_still_read_is_not_idle(make, certificates):
    """8.1."""
    finish = threading.Event()

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.write_data(stream_id, b"first ")
        assert finish.wait(DEADLINE)
        peer.write_data(stream_id, b"last", end_stream=True)
        peer.want_goaway()

    pool = make(idle_timeout=0.0, max_idle=0)
    with Origin(serve, certificates.server_context()) as server:
        response = pool.request("GET", url_of(server))
        pool.close_idle()
        finish.set()
        assert response.read() == b"first last"
        pool.close()


def test_what_a_server_has_closed_is_closed_here_by_the_next_call_for_any_host(make, certificates):
    """9.1: no socket stays in CLOSE-WAIT."""
    context, seen = certificates.server_context(), threading.Event()

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"whole")
        peer.end()  # FIN, and reads until the client's
        seen.set()

    pool = make()
    with Origin(serve, context) as ending, Echo(context) as other:
        assert pool.request("GET", url_of(ending)).read() == b"whole"
        for turn in range(50):
            pool.request("GET", url_of(other, f"/{turn}")).read()
            if seen.wait(0.02):
                break
        assert seen.is_set(), "the connection is still half open"
        assert len(pool) == 1


def test_a_server_that_speaks_http1_alone_is_asked_in_http1(pool, certificates):
    """3.2: by the drop-in; its response has the same verbs."""
    with running(OldServer(certificates.server_context(alpn=("http/1.1",)))) as server:
        for _ in range(3):
            with pool.request("POST", url_of(server), b"content") as response:
                assert (response.status, response.read()) == (200, b"content")


def test_two_threads_get_two_connections_in_http1(pool, certificates):
    """RFC 9112, 9.4: there are no streams to share."""
    with running(OldServer(certificates.server_context(alpn=("http/1.1",)))) as server:

        def ask(number):
            for turn in range(10):
                content = f"{number} {turn}".encode() * 10
                response = pool.request("POST", url_of(server), content)
                assert response.read() == content

        errors = run(*(lambda n=n: ask(n) for n in range(6)))
        assert not errors, errors[:3]


def test_http_is_http1_unless_prior_knowledge_says_otherwise(make):
    """3.3."""
    with running(OldServer(None)) as server:
        response = make().request("POST", url_of(server, scheme="http"), b"content")
        assert response.read() == b"content"
    with Echo() as server:
        response = make(http2="prior").request("GET", url_of(server, scheme="http"))
        assert response.read() == Echo.answer_to("GET", "/")


@pytest.mark.parametrize(
    "url", ["/path", "ftp://localhost/", "https://user:word@localhost/", "https:///", "", "https://h:x/"]
)  # fmt: skip
def test_a_url_without_an_origin_of_http_is_refused(pool, url):
    """RFC 9110, 4.2: before anything is dialled."""
    with pytest.raises((ValueError, hyper.InvalidURL)):
        pool.request("GET", url)
    assert len(pool) == 0


@pytest.mark.parametrize("url", ["pw-secret@host", "ftp://user:pw-secret@host/"])
def test_a_password_in_a_url_that_cannot_be_read_is_not_shown(url):
    """RFC 9110, 4.2.4."""
    with hyper.Pool() as pool, pytest.raises(ValueError, match="absolute") as caught:
        pool.request("GET", url)
    assert "pw-secret" not in all_words(caught.value)


def test_close_ends_what_waits_and_the_pool_may_be_used_again(pool, certificates):
    """6.8."""
    release, held = threading.Event(), threading.Semaphore(0)
    with Origin(holding(release, 10, held), certificates.server_context()) as server:
        errors = []

        def poll():
            try:
                pool.request("GET", url_of(server, "/held"))
            except BaseException as error:  # noqa: BLE001  the test looks at it
                errors.append(error)

        waiting = threading.Thread(target=poll)
        waiting.start()
        assert held.acquire(timeout=DEADLINE)
        pool.close()
        waiting.join(DEADLINE)
        assert [type(error) for error in errors] == [hyper.ConnectionTerminated]
        assert len(pool) == 0
        release.set()
        assert pool.request("GET", url_of(server)).read() == b"connection 2"


def test_another_origin_shares_a_connection_only_where_that_was_asked_for(make, certificates):
    """9.1.1; RFC 8336: a certificate that covers it is not enough."""

    def serve(peer):
        peer.handshake()
        peer.write(wire.origin([f"https://127.0.0.1:{servers[0].port}"]))
        for frame, fields, _ in peer.arrivals():
            if frame.type == wire.HEADERS:
                content = f"{dict(fields)[':authority']} on connection {peer.number}"
                peer.write_response(frame.stream_id, content.encode())

    servers = []
    for coalesce, count in ((False, 2), (True, 1)):
        pool = make(coalesce=coalesce)
        servers = [Origin(serve, certificates.server_context())]
        with servers[0] as server:
            for _ in range(2):  # so that ORIGIN has been read
                assert pool.request("GET", url_of(server)).status == 200
            for host in ("localhost", "127.0.0.1"):
                answer = pool.request("GET", url_of(server, host=host)).read()
                assert answer.startswith(f"{host}:{server.port} on connection ".encode())
            assert server.connections == count


def test_421_takes_an_origin_off_a_shared_connection(make, certificates):
    """RFC 9110, 15.5.20: the request goes out again on one of its own."""

    def serve(peer):
        peer.handshake()
        peer.write(wire.origin([f"https://127.0.0.1:{servers[0].port}"]))
        for frame, fields, _ in peer.arrivals():
            if frame.type == wire.HEADERS:
                is_other = dict(fields)[":authority"].startswith("127.")
                status = "421" if is_other and peer.number == 1 else "200"
                peer.write_response(frame.stream_id, b"content", [(":status", status)])

    servers = [Origin(serve, certificates.server_context())]
    pool = make(coalesce=True)
    with servers[0] as server:
        for _ in range(2):
            assert pool.request("GET", url_of(server)).status == 200
        for _ in range(2):
            assert pool.request("POST", url_of(server, host="127.0.0.1"), b"x").status == 200
        assert server.connections == 2


def test_the_options_of_a_connection_hold_for_all_of_them(make, certificates):
    """As HTTP20Connection takes them; those that name one server are refused."""
    for option in ({"host": "localhost"}, {"port": 1}, {"secure": True}):
        with pytest.raises(TypeError):
            hyper.Pool(**option)
    for limit in ({"max_connections_per_origin": 0}, {"max_idle": -1}, {"idle_timeout": -1.0}):
        with pytest.raises(ValueError, match=next(iter(limit))):
            hyper.Pool(**limit)
    with Echo(certificates.server_context()) as server:
        pool = make(decode_content=False, replay=False)
        response = pool.request("GET", url_of(server))
        assert response.read() == Echo.answer_to("GET", "/")
