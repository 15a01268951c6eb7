"""hyper.contrib.opentelemetry with the real SDK: spans, the metric, and traceparent on its way."""

from __future__ import annotations

import re

import pytest

from hyper import HTTP20Connection, Pool, StreamResetError
from hyper.testing import wire
from hyper.trace import watch
from test.scripted.steps import want

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import context
from opentelemetry import trace as api
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hyper.contrib.opentelemetry import SUPPRESSED, OpenTelemetryTracer, instrument, uninstrument

OK = [(":status", "200")]


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def providers(exporter):
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    reader = InMemoryMetricReader()
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)
    yield {"tracer_provider": tracer_provider, "meter_provider": meter_provider}, reader
    tracer_provider.shutdown()
    meter_provider.shutdown()


@pytest.fixture
def tracer(providers):
    return OpenTelemetryTracer(**providers[0])


@pytest.fixture
def connect(scripted_peer):
    opened = []

    def start(script, **options):
        peer = scripted_peer(script)
        connection = HTTP20Connection(peer.host, peer.port, secure=False, timeout=10, **options)
        opened.append(connection)
        return connection

    yield start
    for connection in opened:
        connection.close()


def points(reader):
    (resource,) = reader.get_metrics_data().resource_metrics
    (metric,) = resource.scope_metrics[0].metrics
    assert (metric.name, metric.unit) == ("http.client.request.duration", "s")
    return metric.data.data_points


def answering(status="200", seen=None):
    def script(peer):
        peer.handshake()
        stream_id, section, _ = want(peer)
        if seen is not None:
            seen.update(section)
        peer.write_headers(stream_id, [(":status", status)], end_stream=True)

    return script


def get(connection, **options):
    connection.request("GET", "/page?q=1", **options)
    return connection.getresponse().read()


def test_a_request_is_a_span_by_the_stable_conventions(connect, tracer, exporter, providers):
    connection = connect(answering(), trace=tracer)
    get(connection)
    (span,) = exporter.get_finished_spans()
    port = connection.port
    assert span.name == "GET"
    assert span.kind is api.SpanKind.CLIENT
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.full": f"http://127.0.0.1:{port}/page?q=1",
        "http.response.status_code": 200,
        "network.protocol.name": "http",
        "network.protocol.version": "2",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": port,
    }
    assert span.status.is_unset
    (point,) = points(providers[1])
    assert point.count == 1
    assert 0 < point.sum < 10
    assert dict(point.attributes) == {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
        "network.protocol.name": "http",
        "network.protocol.version": "2",
    }


def test_the_server_gets_the_context_of_the_span(connect, tracer, exporter, providers):
    seen = {}
    connection = connect(answering(seen=seen), trace=tracer)
    own = providers[0]["tracer_provider"].get_tracer("test")
    with own.start_as_current_span("outer") as outer:
        get(connection)
    inner = next(span for span in exporter.get_finished_spans() if span.name == "GET")
    found = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-0[0-9a-f]", seen["traceparent"])
    assert int(found[1], 16) == inner.context.trace_id == outer.get_span_context().trace_id
    assert int(found[2], 16) == inner.context.span_id
    assert inner.parent.span_id == outer.get_span_context().span_id


def test_a_status_of_failure_is_an_error(connect, tracer, exporter):
    get(connect(answering("503"), trace=tracer))
    (span,) = exporter.get_finished_spans()
    assert span.attributes["error.type"] == "503"
    assert span.status.status_code is api.StatusCode.ERROR


def test_a_stream_that_is_reset_is_an_error(connect, tracer, exporter):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.rst_stream(1, wire.INTERNAL_ERROR))

    with pytest.raises(StreamResetError):
        get(connect(script, trace=tracer))
    (span,) = exporter.get_finished_spans()
    assert span.attributes["error.type"] == "StreamResetError"
    assert "http.response.status_code" not in span.attributes


def test_a_server_that_is_not_there_is_an_error(tracer, exporter, providers):
    with pytest.raises(OSError, match="nobody listens"):
        get(HTTP20Connection("127.0.0.1", 1, trace=tracer, timeout=5))
    (span,) = exporter.get_finished_spans()
    assert span.attributes["error.type"] == "ConnectionRefusedError"
    assert points(providers[1])[0].attributes["error.type"] == "ConnectionRefusedError"


def test_a_request_that_goes_out_again_is_one_span(connect, tracer, exporter):
    """RFC 9113, 8.7."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))
        want(peer)
        peer.write_headers(3, OK, end_stream=True)

    get(connect(script, trace=tracer))
    (span,) = exporter.get_finished_spans()
    assert span.attributes["http.request.resend_count"] == 1
    assert "error.type" not in span.attributes


def test_a_method_that_nobody_knows_is_called_other(connect, tracer, exporter):
    connection = connect(answering(), trace=tracer)
    connection.request("BREW", "/")
    connection.getresponse().read()
    (span,) = exporter.get_finished_spans()
    assert span.name == "HTTP"
    assert span.attributes["http.request.method"] == "_OTHER"
    assert span.attributes["http.request.method_original"] == "BREW"


def test_an_exporter_s_own_requests_are_not_told(connect, tracer, exporter):
    token = context.attach(context.set_value(SUPPRESSED, True))
    try:
        get(connect(answering(), trace=tracer))
    finally:
        context.detach(token)
    assert exporter.get_finished_spans() == ()


def test_each_request_of_the_process_is_told_once(scripted_peer, providers, exporter):
    before = watch.installed
    instrument(**providers[0])
    instrument(**providers[0])
    try:
        peer = scripted_peer(answering())
        with Pool(http2="prior") as pool:
            pool.request("GET", f"http://127.0.0.1:{peer.port}/").read()
    finally:
        uninstrument()
    assert watch.installed == before
    assert len(exporter.get_finished_spans()) == 1
