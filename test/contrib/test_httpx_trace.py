"""The extension ``trace`` of httpx and httpx2, and ``trace=`` of their transport."""

from __future__ import annotations

import importlib

import pytest

from hyper import trace


@pytest.fixture(params=["httpx", "httpx2"])
def library(request):
    return pytest.importorskip(request.param)


@pytest.fixture
def fetch(library, node, certificates):
    """Send a request to Node, with options of the transport and of the request."""

    def run(path, *, method="GET", extensions=None, content=None, **options):
        integration = importlib.import_module(f"hyper.contrib.{library.__name__}")
        context = certificates.client_context(alpn=())
        transport = integration.HTTP20Transport(verify=context, **options)
        with library.Client(transport=transport, timeout=10) as client:
            return client.request(
                method,
                f"https://localhost:{node.port}{path}",
                content=content,
                extensions=extensions or {},
            )

    return run


def test_the_extension_is_told_by_httpcore_s_names(fetch):
    told = []
    response = fetch("/push/0", extensions={"trace": lambda *event: told.append(event)})
    assert response.status_code == 200
    assert [name for name, _ in told] == [
        "connection.connect_tcp.started",
        "connection.connect_tcp.complete",
        "connection.start_tls.started",
        "connection.start_tls.complete",
        "http2.send_request_headers.started",
        "http2.send_request_headers.complete",
        "http2.receive_response_headers.started",
        "http2.receive_response_headers.complete",
        "http2.receive_response_body.started",
        "http2.receive_response_body.complete",
        "http2.response_closed.started",
        "http2.response_closed.complete",
    ]
    infos = dict(told)
    status, headers = infos["http2.receive_response_headers.complete"]["return_value"]
    assert status == 200
    assert (b"content-type", b"text/html") in headers
    assert infos["http2.receive_response_headers.started"]["stream_id"] == 1


def test_content_is_a_step_of_its_own_after_the_headers(fetch):
    told = []
    fetch("/digest", method="POST", content=b"abc", extensions={"trace": lambda *e: told.append(e)})
    assert [name for name, _ in told if name.startswith("http2.")][:4] == [
        "http2.send_request_headers.started",
        "http2.send_request_headers.complete",
        "http2.send_request_body.started",
        "http2.send_request_body.complete",
    ]


def test_a_step_that_fails_is_told_with_its_exception(fetch, library):
    told = []
    with pytest.raises(library.TimeoutException):
        fetch(
            "/never",
            extensions={
                "trace": lambda *event: told.append(event),
                "timeout": {"connect": 10, "read": 0.05, "write": 10, "pool": 10},
            },
        )
    name, info = told[-1]
    assert name == "http2.receive_response_headers.failed"
    assert isinstance(info["exception"], TimeoutError)


def test_a_trace_of_hyper_s_is_an_option_of_the_transport(fetch):
    recorder = trace.Recorder()
    fetch("/push/0", trace=recorder)
    assert [each.status for each in trace.exchanges(recorder)] == [200]


def test_a_connection_that_cannot_be_made_is_told_with_its_exception(library):
    told = []
    integration = importlib.import_module(f"hyper.contrib.{library.__name__}")
    client = library.Client(transport=integration.HTTP20Transport(), timeout=10)
    with client, pytest.raises(library.ConnectError):
        client.get("https://127.0.0.1:1/", extensions={"trace": lambda *e: told.append(e)})
    assert [name for name, _ in told] == [
        "connection.connect_tcp.started",
        "connection.connect_tcp.failed",
    ]
    assert told[0][1]["port"] == 1
    assert isinstance(told[1][1]["exception"], OSError)


def test_a_connection_that_is_used_again_is_told_once(library, node, certificates):
    told = []
    integration = importlib.import_module(f"hyper.contrib.{library.__name__}")
    transport = integration.HTTP20Transport(verify=certificates.client_context(alpn=()))
    with library.Client(transport=transport, timeout=10) as client:
        for _ in range(2):
            url = f"https://localhost:{node.port}/push/0"
            client.get(url, extensions={"trace": lambda *e: told.append(e)})
    names = [name for name, _ in told]
    assert names.count("connection.connect_tcp.started") == 1
    assert names.count("http2.send_request_headers.started") == 2
