"""Real servers: what they must not see, and what their early and coded answers must become.

Each test starts its own server, so that its log, or its count, is of this test alone.
"""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from hyper import HTTP20Connection, HTTPSConnection
from hyper.protocol.endpoint import Endpoint
from test.live.server import FILES
from test.live.servers import Nginx

# Responses that are read whole, and dropped at once.
READS = 60


@pytest.fixture
def connect(certificates):
    opened = []

    def dial(server, **options):
        context = certificates.hyper_context() if server.secure else None
        options = {"timeout": 10, "secure": server.secure, "ssl_context": context, **options}
        opened.append(HTTP20Connection(server.host, server.port, **options))
        return opened[-1]

    yield dial
    for connection in opened:
        connection.close()


@pytest.fixture
def resets(monkeypatch):
    """The RST_STREAM frames that are sent."""
    counted, former = [], Endpoint.send_rst_stream

    def counting(self, *arguments, **options):
        counted.append(arguments)
        return former(self, *arguments, **options)

    monkeypatch.setattr(Endpoint, "send_rst_stream", counting)
    return counted


@pytest.mark.parametrize("name", ["caddy", "node", "nghttpd", "h2o", "nginx", "apache", "haproxy"])
def test_9113_5_4_2_a_response_that_was_read_whole_is_not_reset(server, connect, resets, name):
    """Servers count RST_STREAM, and end connections on which there are many (CVE-2023-44487)."""
    running = server(name)
    path, size = (
        ("/bytes/1000", 1000) if name == "node" else ("/style.css", len(FILES["style.css"]))
    )
    connection = connect(running)
    for _ in range(READS):
        with connection.getresponse(connection.request("GET", path)) as response:
            assert len(response.read(size)) == size
        del response
    assert resets == []


def test_node_ends_no_connection_on_which_many_responses_were_read_whole(server, connect):
    connection = connect(server("node"))
    for _ in range(READS):
        with connection.getresponse(connection.request("GET", "/bytes/1000")) as response:
            assert len(response.read(1000)) == 1000
    response = connection.getresponse(connection.request("GET", "/sessions"))
    assert json.loads(response.read())["sessions"] == 1


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "h2c"])
def test_nginx_refuses_an_upload_early_and_its_answer_is_read(server, connect, secure):
    """RFC 9110, 15.5.14: 413 comes before the content could be sent."""
    refusing = "location /small/ { client_max_body_size 1k; dav_methods PUT; }"
    connection = connect(server("nginx", secure, directives=[refusing]))
    stream_id = connection.request("PUT", "/small/file", bytes(4_000_000))
    assert connection.getresponse(stream_id).status == 413
    response = connection.getresponse(connection.request("GET", "/hello"))
    assert response.read() == b"hello from nginx\n"


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "h2c"])
def test_haproxy_answers_an_upload_before_its_end(server, connect, secure):
    """RFC 9113, 8.1: with neither RST_STREAM nor WINDOW_UPDATE for the rest."""
    denying = "http-request deny deny_status 413 if { path_beg /denied }"
    connection = connect(server("haproxy", secure, frontend=[denying]))
    for body in (bytes(4_000_000), iter([bytes(100_000)] * 40)):
        stream_id = connection.request("PUT", "/denied", body)
        assert connection.getresponse(stream_id).status == 413
        response = connection.getresponse(connection.request("GET", "/style.css"))
        assert response.read() == FILES["style.css"]


def test_the_drop_in_reads_an_early_answer_of_nginx(server, certificates):
    refusing = "location /small/ { client_max_body_size 1k; dav_methods PUT; }"
    running = server("nginx", directives=[refusing])
    connection = HTTPSConnection(
        running.host, running.port, context=certificates.hyper_context(), timeout=10
    )
    connection.request("PUT", "/small/file", bytes(4_000_000))
    response = connection.getresponse()
    assert (response.status, response.version) == (413, 20)
    connection.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="files are counted by /proc")
def test_pushes_of_node_that_nobody_claims_keep_no_socket_after_goaway(server, connect):
    """RFC 9113, 6.8, 8.4."""
    connection = connect(server("node", secure=False))
    at_first = None
    for _ in range(20):
        for path in ("/push/3", "/goaway"):
            connection.getresponse(connection.request("GET", path)).read()
        if at_first is None:
            connection.getresponse(connection.request("GET", "/push/3")).read()
            at_first = open_files()
    assert open_files() <= at_first + 8


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


RANGE = {"range": "bytes=100-199"}


@pytest.mark.parametrize("name", ["nginx", "h2o", "caddy", "apache", "haproxy"])
def test_9110_14_2_a_range_is_of_the_content_itself(server, connect, name):
    """A caller silent about codings gets the octets that it asked for."""
    large = bytes(range(256)) * 8
    options = {"files": {"page.html": large, "page.html.gz": gzip.compress(large)}}
    if name in ("nginx", "haproxy"):
        if "gzip_static" not in gzip_static_of_nginx():
            pytest.skip("this nginx was made without gzip_static")
        options["directives"] = ["gzip_static on;"]
    connection = connect(server(name, **options))
    response = connection.getresponse(connection.request("GET", "/page.html", headers=RANGE))
    assert response.status == 206
    assert response.read() == large[100:200]
    whole = connection.getresponse(connection.request("GET", "/page.html"))
    assert whole.read() == large


def gzip_static_of_nginx():
    program = Nginx()._program()
    ran = subprocess.run([program, "-V"], capture_output=True, check=True, text=True, timeout=10)
    return ran.stderr
