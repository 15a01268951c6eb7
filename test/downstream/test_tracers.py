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


@tried("opentelemetry-instrumentation-httpx", "instrument(), for httpx2", "a span, traceparent")
def test_httpx2(services, spans, client):
    import httpx2

    spans.instrument("httpx", "HTTPX2ClientInstrumentor")
    client(httpx2).get(services.url("/seen"))
    require_traced(services, spans)


def by_requests(url, session, **_):
    session.get(url)


def by_urllib3(url, manager, **_):
    manager.request("GET", url)


def by_urllib(url, opener, **_):
    with opener.open(url) as response:
        response.read()


def by_httpx(url, client, name="httpx", **_):
    client(name).get(url)


def by_httpx2(url, client, **_):
    by_httpx(url, client, "httpx2")


def by_dropin(url, certificates, **_):
    import hyper

    host = url.split("/")[2]
    with hyper.HTTPSConnection(host, context=certificates.hyper_context()) as connection:
        connection.request("GET", "/seen")
        connection.getresponse().read()


WAYS = ("requests", "urllib3", "urllib", "httpx", "httpx2", "dropin")

#: Sentry changes a process. Its spans are printed: they go nowhere else.
PROGRAM = """
import importlib, os, sys, sentry_sdk
from sentry_sdk.integrations.httpx import HttpxIntegration
from sentry_sdk.integrations.httpx2 import Httpx2Integration
from sentry_sdk.transport import Transport
from test.downstream import test_tracers

class Nowhere(Transport):
    def capture_envelope(self, envelope):
        for span in envelope.get_transaction_event()["spans"]:
            if span["op"] == "http.client":
                print(span["trace_id"], span["span_id"], span["data"]["http.response.status_code"])

# Only these: it would import whatever it knows of, and that takes seconds.
sentry_sdk.init(
    dsn="http://k@localhost:1/1", traces_sample_rate=1.0, transport=Nowhere,
    auto_enabling_integrations=False, integrations=[HttpxIntegration(), Httpx2Integration()],
)
import hyper, urllib.request, urllib3, requests
from hyper.contrib import requests as adapters, urllib as handlers, urllib3 as pools

class Certificates:
    hyper_context = staticmethod(lambda: hyper.tls.init_context(os.environ["AUTHORITY"]))

def client(name):
    transport = importlib.import_module("hyper.contrib." + name).HTTP20Transport
    library = importlib.import_module(name)
    return library.Client(transport=transport(verify=Certificates.hyper_context()))

session = requests.Session()
session.mount("https://", adapters.HTTP20Adapter())
session.verify = os.environ["AUTHORITY"]
manager = urllib3.PoolManager(ca_certs=os.environ["AUTHORITY"])
manager.pool_classes_by_scheme = pools.POOL_CLASSES
handler = handlers.HTTP2Handler(context=Certificates.hyper_context())
opener = urllib.request.build_opener(handler)
with sentry_sdk.start_transaction(name="t", op="test"):
    for name in test_tracers.WAYS:
        getattr(test_tracers, "by_" + name)(
            sys.argv[1], session=session, manager=manager, opener=opener, client=client,
            certificates=Certificates,
        )
"""


@tried("sentry-sdk", "init()", "a span, sentry-trace and baggage by each integration")
def test_sentry(services, program):
    spans = [line.split() for line in program(PROGRAM, services.url("/seen")).splitlines()]
    lines = services.seen()
    assert [line["version"] for line in lines] == ["2"] * len(WAYS)
    assert [status for _, _, status in spans] == ["200"] * len(WAYS)
    sent = [line["fields"]["sentry-trace"] for line in lines]
    assert sent == [f"{trace}-{span}-1" for trace, span, _ in spans]
    trace = spans[0][0]
    assert all(f"sentry-trace_id={trace}" in line["fields"]["baggage"] for line in lines)


#: The agent changes a process, as Sentry does. The requests' fields are what counts.
ELASTIC_APM = """
import json, os, ssl, sys, urllib.request
import elasticapm, httpx, requests
from hyper.contrib.httpx import HTTP20Transport
from hyper.contrib.requests import HTTP20Adapter
from hyper.contrib.urllib import HTTP2Handler

authority, url = os.environ["AUTHORITY"], sys.argv[1]
context = ssl.create_default_context(cafile=authority)
session = requests.Session()
session.mount("https://", HTTP20Adapter())
session.get(url)  # before the agent comes
client = elasticapm.Client(
    service_name="trial", cloud_provider="none", central_config=False, metrics_interval="0ms",
    server_url="http://127.0.0.1:1", log_level="off", disable_send=True,
)
elasticapm.instrument()
client.begin_transaction("trial")
opener = urllib.request.build_opener(HTTP2Handler(context=context))
with httpx.Client(transport=HTTP20Transport(verify=context)) as http:
    answers = session.get(url).json(), http.get(url).json(), json.load(opener.open(url))
for seen in answers:
    print(seen["version"], "traceparent" in seen["fields"])
client.end_transaction("trial")
os._exit(sys.stdout.flush() or 0)
"""


@tried("elastic-apm", "instrument()", "traceparent by requests, httpx and urllib")
def test_elastic_apm(services, program):
    assert program(ELASTIC_APM, services.url("/seen")).split("\n")[:3] == ["2 True"] * 3
