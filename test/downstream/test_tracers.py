"""OpenTelemetry's global instrumentations, and Sentry: spans, and the fields that they send."""

from __future__ import annotations

import importlib

import pytest

from test.downstream.conftest import tried


@pytest.fixture
def spans():
    """The spans that have ended, once `spans.instrument(...)` was called."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    active = []

    def instrument(module, name):
        found = getattr(importlib.import_module(f"opentelemetry.instrumentation.{module}"), name)()
        found.instrument(tracer_provider=provider)
        active.append(found)

    exporter.instrument = instrument
    yield exporter
    for each in active:
        each.uninstrument()


def require_traced(services, spans):
    (line,) = services.seen()
    (span,) = spans.get_finished_spans()
    assert line["version"] == "2"
    assert f"{span.context.trace_id:032x}" in line["fields"]["traceparent"]


@tried("opentelemetry-instrumentation-requests", "instrument()", "a span, traceparent")
def test_requests(services, spans, session):
    spans.instrument("requests", "RequestsInstrumentor")
    session.get(services.url("/seen"))
    require_traced(services, spans)


@tried("opentelemetry-instrumentation-urllib3", "instrument()", "a span, traceparent")
def test_urllib3(services, spans, manager):
    spans.instrument("urllib3", "URLLib3Instrumentor")
    manager.request("GET", services.url("/seen"))
    require_traced(services, spans)


@tried(
    "opentelemetry-instrumentation-urllib3", "instrument(), below requests", "a span, traceparent"
)
def test_urllib3_below_requests(services, spans, session):
    spans.instrument("urllib3", "URLLib3Instrumentor")
    session.get(services.url("/seen"))
    require_traced(services, spans)


@tried("opentelemetry-instrumentation-urllib", "instrument()", "a span, traceparent")
def test_urllib(services, spans, opener):
    spans.instrument("urllib", "URLLibInstrumentor")
    with opener.open(services.url("/seen")) as response:
        response.read()
    require_traced(services, spans)


@tried("opentelemetry-instrumentation-httpx", "instrument()", "a span, traceparent")
def test_httpx(services, spans, client):
    import httpx

    spans.instrument("httpx", "HTTPXClientInstrumentor")
    client(httpx).get(services.url("/seen"))
    require_traced(services, spans)


def by_requests(url, session, **_):
    session.get(url)


def by_urllib3(url, manager, **_):
    manager.request("GET", url)


def by_urllib(url, opener, **_):
    with opener.open(url) as response:
        response.read()


def by_httpx(url, client, **_):
    client(importlib.import_module("httpx")).get(url)


def by_dropin(url, certificates, **_):
    import hyper

    host = url.split("/")[2]
    with hyper.HTTPSConnection(host, context=certificates.hyper_context()) as connection:
        connection.request("GET", "/seen")
        connection.getresponse().read()


PROGRAM = """
import os, sys, sentry_sdk
from test.downstream import conftest, test_tracers

sent = []

def keep(event, hint):
    sent.extend(event["spans"])

sentry_sdk.init(
    dsn="http://k@localhost:1/1", traces_sample_rate=1.0, before_send_transaction=keep
)
import hyper, urllib.request, urllib3, requests
from hyper.contrib import httpx as door, requests as adapters, urllib as handlers, urllib3 as pools

class Certificates:
    hyper_context = staticmethod(lambda: hyper.tls.init_context(os.environ["AUTHORITY"]))

context = Certificates.hyper_context()
session = requests.Session()
session.mount("https://", adapters.HTTP20Adapter())
session.verify = os.environ["AUTHORITY"]
manager = urllib3.PoolManager(ca_certs=os.environ["AUTHORITY"])
manager.pool_classes_by_scheme = pools.POOL_CLASSES
opener = urllib.request.build_opener(handlers.HTTP2Handler(context=context))
client = lambda library: library.Client(
    transport=door.HTTP20Transport(verify=Certificates.hyper_context())
)
url = sys.argv[1]
with sentry_sdk.start_transaction(name="t", op="test") as transaction:
    for name in ("requests", "urllib3", "urllib", "httpx", "dropin"):
        getattr(test_tracers, "by_" + name)(
            url, session=session, manager=manager, opener=opener, client=client,
            certificates=Certificates,
        )
print(len([span for span in sent if span["op"] == "http.client"]))
"""


@tried("sentry-sdk", "init()", "sentry-trace by each integration; spans by requests and httpx")
def test_sentry(services, program):
    printed = program(PROGRAM, services.url("/seen"))
    lines = services.seen()
    assert [line["version"] for line in lines] == ["2"] * 5
    assert all("sentry-trace" in line["fields"] for line in lines)
    # It ends the others' spans in http.client's own HTTPResponse.read, which is not called.
    assert int(printed) >= 2
