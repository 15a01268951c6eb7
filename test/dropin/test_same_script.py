"""The same script with http.client and with hyper: the answers are the same, but for the version.

The servers speak HTTP/1.1 to the one, because it offers nothing by ALPN, and HTTP/2 to the other.
"""

from __future__ import annotations

import array
import hashlib
import http.client
import io
import json
import mmap
import tempfile

import pytest

from hyper import HTTPSConnection
from hyper.testing import DEADLINE
from test.live.server import pattern

#: Fields that HTTP/1.1 alone needs, or that differ from answer to answer, or server to server.
OWN = {"connection", "transfer-encoding", "date", "keep-alive", "server"}

PATHS = {
    "nginx": ["/hello", "/", "/style.css", "/empty", "/large", "/nowhere", "/gzip/large"],
    "hypercorn": [
        "/",
        "/bytes/0",
        "/bytes/70000",
        "/stream/70000",
        "/status/204",
        "/status/304",
        "/status/404",
        "/status/500",
        "/nowhere?q=1",
    ],
}
GETS = [(name, path) for name, paths in PATHS.items() for path in paths]


def ways(certificates, server):
    """Connections of both kinds."""
    context = certificates.client_context
    for kind, alpn in ((http.client.HTTPSConnection, ()), (HTTPSConnection, ("h2",))):
        yield kind("localhost", server.port, timeout=DEADLINE, context=context(alpn))


def told(response):
    """All that a script can see of an answer."""
    headers = sorted(
        (name.lower(), value) for name, value in response.getheaders() if name.lower() not in OWN
    )
    # hypercorn writes no reason in HTTP/1.1.
    reason = response.reason or http.client.responses[response.status]
    return (response.status, reason, headers, response.read(), response.isclosed())


def compare(certificates, server, script):
    answers = []
    for connection in ways(certificates, server):
        try:
            answers.append(script(connection))
        finally:
            connection.close()
    assert answers[0] == answers[1]
    return answers[1]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("name", "path"), GETS, ids=["".join(pair) for pair in GETS])
def test_answers(request, certificates, name, path, method):
    def script(connection):
        seen = []
        for _ in range(2):  # the second on the same connection
            connection.request(method, path, headers={"X-A": "b", "Accept-Encoding": "gzip"})
            response = connection.getresponse()
            seen.append(told(response))
        return seen

    compare(certificates, request.getfixturevalue(name), script)


def test_the_versions_differ(hypercorn, certificates):
    versions = []
    for connection in ways(certificates, hypercorn):
        connection.request("GET", "/")
        versions.append(connection.getresponse().version)
        connection.close()
    assert versions == [11, 20]


def in_file(mode, content, **options):
    file = tempfile.TemporaryFile(mode, **options)  # noqa: SIM115 - the test closes it
    file.write(content)
    file.seek(0)
    return file


def mapped():
    memory = mmap.mmap(-1, 4096)
    memory.write(pattern(4096))
    memory.seek(0)
    return memory


BODIES = {
    "none": lambda: None,
    "empty": lambda: b"",
    "text": lambda: "caf\xe9",
    "bytes": lambda: pattern(8000),
    "bytearray": lambda: bytearray(b"abc"),
    "array": lambda: array.array("I", [1, 2, 3]),
    "mmap": mapped,
    "file": lambda: in_file("w+b", pattern(20_000)),
    "text file": lambda: in_file("w+", "caf\xe9\n", encoding="utf-8"),
    "BytesIO": lambda: io.BytesIO(b"abc"),
    "StringIO": lambda: io.StringIO("caf\xe9"),
    "list": lambda: [b"one", bytearray(b"two"), memoryview(b"three")],
    "generator": lambda: (pattern(n) for n in (0, 1, 20_000, 3)),
}


@pytest.mark.parametrize("method", ["POST", "PUT", "GET", "DELETE"])
@pytest.mark.parametrize("kind", BODIES)
def test_bodies(hypercorn, certificates, kind, method):
    """RFC 9110, 8.6; 9112, 6.1: length or chunks are http.client's affair, the content is not."""

    def script(connection):
        body = BODIES[kind]()
        connection.request(method, "/digest", body)
        answer = json.loads(connection.getresponse().read())
        if hasattr(body, "close"):
            body.close()
        return answer

    compare(certificates, hypercorn, script)


@pytest.mark.parametrize("kind", BODIES)
def test_fields_that_go_with_bodies(hypercorn, certificates, kind):
    def script(connection):
        body = BODIES[kind]()
        connection.request("POST", "/fields", body, {"Content-Type": "text/x"})
        fields = json.loads(connection.getresponse().read())["fields"]
        if hasattr(body, "close"):
            body.close()
        return sorted(pair for pair in fields if pair[0] not in {*OWN, "host"})

    compare(certificates, hypercorn, script)


def piecewise(connection):
    connection.putrequest("POST", "/digest", skip_accept_encoding=True)
    connection.putheader("Content-Length", 9)
    connection.putheader("X-Many", "one", b"two", 3)
    connection.endheaders(b"one")
    connection.send(io.BytesIO(b"two"))
    connection.send([b"t", b"h", b"i"])
    return connection.getresponse().read()


def framed(connection):
    """urllib3's way."""
    connection.putrequest("POST", "/digest")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    for chunk in (b"one", pattern(70_000)):
        connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    connection.send(b"0\r\n\r\n")
    return connection.getresponse().read()


def chunked_by_the_caller(connection):
    headers = {"Transfer-Encoding": "chunked"}
    connection.request("POST", "/digest", b"3\r\none\r\n0\r\n\r\n", headers)
    return connection.getresponse().read()


def chunked_for_the_caller(connection):
    headers = {"Transfer-encoding": "chunked", "Connection": "close"}
    connection.request("POST", "/digest", iter([b"one"]), headers, encode_chunked=True)
    return connection.getresponse().read()


def in_pieces(connection):
    connection.request("GET", "/bytes/1000")
    response = connection.getresponse()
    buffer = bytearray(10)
    pieces = [response.read(10), response.readinto(buffer), bytes(buffer), response.peek(5)[:1]]
    pieces += [response.readline(20), response.read1(1), response.length]
    pieces += [b"".join(response), response.read(), response.read(3), response.isclosed()]
    return pieces


def reused(connection):
    seen = []
    for _ in range(2):
        connection.request("GET", "/")
        seen.append(connection.getresponse().read())
        connection.close()
        connection.close()
        seen.append(connection.sock)
    return seen


def with_statement(connection):
    connection.request("GET", "/")
    with connection.getresponse() as response:
        first = response.read(5)
    return first, response.closed, response.isclosed()


def parsed_headers(connection):
    """An answer's message is whole: it has text as its payload, and no defects."""
    connection.request("GET", "/")
    response = connection.getresponse()
    response.read()
    message = response.headers
    return message.get_payload(), message.is_multipart(), message.defects


def wrong_states(connection):
    seen = []

    def attempt(method, *arguments):
        try:
            getattr(connection, method)(*arguments)
        except (http.client.HTTPException, ValueError, TypeError) as error:
            kinds = (ValueError, TypeError, http.client.HTTPException)
            kind = next(
                k for k in (*http.client.__dict__.values(), *kinds) if k in type(error).mro()
            )
            seen.append((method, kind.__name__, str(error)[:20]))

    attempt("getresponse")
    attempt("endheaders")
    attempt("putheader", "X", "y")
    attempt("putrequest", "GET", "/a b")
    connection.close()
    attempt("putrequest", "GE T\n", "/")
    connection.close()
    connection.putrequest("GET", "/")
    attempt("putrequest", "GET", "/")
    attempt("getresponse")
    attempt("putheader", "X Y", "y")
    attempt("putheader", "X", "y\nz")
    connection.close()
    connection.auto_open = 0
    attempt("request", "GET", "/")
    attempt("request", "GET", "/")
    connection.close()
    connection.auto_open = 1
    connection.request("GET", "/")
    seen.append(connection.getresponse().read())
    attempt("getresponse")
    return seen


SCRIPTS = [
    piecewise,
    framed,
    chunked_by_the_caller,
    chunked_for_the_caller,
    in_pieces,
    reused,
    with_statement,
    parsed_headers,
    wrong_states,
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_scripts(hypercorn, certificates, script):
    compare(certificates, hypercorn, script)


def test_an_upload_larger_than_any_window(hypercorn, https):
    connection = https(hypercorn)
    body = pattern(3_000_000)
    connection.request("POST", "/digest", body)
    answer = json.loads(connection.getresponse().read())
    assert answer == {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@pytest.mark.parametrize("headers", [{}, {"Connection": "keep-alive"}])
def test_a_server_of_http_1_1(old_server, https, headers):
    connection = https(old_server)
    for _ in range(2):
        connection.request("GET", "/", headers=headers)
        response = connection.getresponse()
        assert (response.version, response.read()) == (11, b"hello in HTTP/1.1\n")
        connection.request("POST", "/", b"echo")
        assert connection.getresponse().read() == b"echo"
