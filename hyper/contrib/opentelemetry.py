"""OpenTelemetry: a client span and a duration for each request, and ``traceparent`` on its way.

::

    from hyper.contrib import opentelemetry

    opentelemetry.instrument()                                  # the process
    HTTP20Connection("example.org", trace=OpenTelemetryTracer())  # one connection

Names follow the stable conventions for HTTP: spans of the kind CLIENT, whose name is the method,
and the metric ``http.client.request.duration``. A request that goes out again (RFC 9113, 8.7) is
one span, and ``http.request.resend_count`` tells. A span ends when the response is whole.

A program that has instrumented requests, httpx or urllib3 as well has two spans for each request,
one inside the other.
"""

from __future__ import annotations

import time

from opentelemetry import context, metrics, propagate, trace
from opentelemetry.trace import SpanKind, StatusCode

from .. import trace as hyper_trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..trace import Exchange, Request

__all__ = ["OpenTelemetryTracer", "instrument", "uninstrument"]

#: Methods that go by their own names; any other is "_OTHER", so that a metric has few series.
METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
)
#: Seconds at which the buckets of the histogram end, as the conventions advise.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
#: From this status on a response is an error for a client.
FIRST_ERROR = 400
#: The ports that a URL need not name.
PORTS = {"https": 443, "http": 80}
#: The key by which an exporter says that its own requests are not to be told.
SUPPRESSED = getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation")


class OpenTelemetryTracer:
    """A tracer for ``trace=``, or for ``hyper.trace.install``. Any thread.

    Args:
        tracer_provider, meter_provider: None for those of the process.
        propagates: whether requests carry the context (``traceparent`` and what else is set up).
    """

    def __init__(
        self,
        tracer_provider: Any = None,
        meter_provider: Any = None,
        *,
        propagates: bool = True,
    ) -> None:
        version = _version()
        self._tracer = trace.get_tracer("hyper", version, tracer_provider)
        meter = metrics.get_meter("hyper", version, meter_provider)
        options: dict[str, Any] = {"explicit_bucket_boundaries_advisory": BUCKETS}
        try:
            self._duration = _histogram(meter, **options)
        except TypeError:  # an API before 1.30
            self._duration = _histogram(meter)
        self._propagates = propagates

    def before_request(self, request: Request) -> Callable[[Exchange], object] | None:
        """Begin the span of a request, and put its context into the request's fields.

        Args:
            request: of hyper.trace; ``traceparent`` is added to it.

        Returns:
            A function that is called with the exchange at its end, or None for a request that is
            not told.
        """
        if context.get_value(SUPPRESSED):
            return None
        method = request.method if request.method in METHODS else "_OTHER"
        host, port = _host_and_port(request.scheme, request.authority)
        common = {
            "http.request.method": method,
            "server.address": host,
            "server.port": port,
        }
        attributes = {**common, "url.full": request.url}
        if method != request.method:
            attributes["http.request.method_original"] = request.method
        span = self._tracer.start_span(
            method if method != "_OTHER" else "HTTP", kind=SpanKind.CLIENT, attributes=attributes
        )
        if self._propagates:
            carrier: dict[str, str] = {}
            propagate.inject(carrier, trace.set_span_in_context(span))
            for name, value in carrier.items():
                request.add(name, value)
        begin = time.perf_counter()
        around = context.get_current()

        def finish(exchange: Exchange) -> None:
            result = outcome(exchange)
            self._duration.record(time.perf_counter() - begin, {**common, **result}, around)
            if exchange.attempt > 1:
                span.set_attribute("http.request.resend_count", exchange.attempt - 1)
            peer, peer_port = exchange.connection.peer
            if peer:
                span.set_attribute("network.peer.address", peer)
            if peer_port:
                span.set_attribute("network.peer.port", peer_port)
            span.set_attributes(result)
            if "error.type" in result:
                span.set_status(StatusCode.ERROR, exchange.error or None)
            span.end()

        return finish


def _histogram(meter: Any, **options: Any) -> Any:
    return meter.create_histogram(
        "http.client.request.duration",
        unit="s",
        description="Duration of HTTP client requests.",
        **options,
    )


def _version() -> str:
    from .. import __version__

    return __version__


def _host_and_port(scheme: str, authority: str) -> tuple[str, int]:
    host, colon, port = authority.rpartition(":")
    if colon and port.isdecimal():
        return host.strip("[]"), int(port)
    return authority.strip("[]"), PORTS.get(scheme, 443)


def outcome(exchange: Exchange) -> dict[str, Any]:
    """Return the attributes of what became of a request, as span and metric have them."""
    result: dict[str, Any] = {}
    if exchange.status:
        result["http.response.status_code"] = exchange.status
    if exchange.connection.protocol or exchange.stream:
        protocol = exchange.connection.protocol or "HTTP/2"
        result["network.protocol.name"] = "http"
        result["network.protocol.version"] = protocol.rpartition("/")[2]
    if exchange.error and not exchange.is_cancelled:
        result["error.type"] = exchange.error_type or "_OTHER"
    elif exchange.status >= FIRST_ERROR:
        result["error.type"] = str(exchange.status)
    elif exchange.is_cancelled and not exchange.status:
        result["error.type"] = exchange.error_type
    return result


_installed: list[OpenTelemetryTracer] = []


def instrument(tracer_provider: Any = None, meter_provider: Any = None) -> None:
    """Trace each request of the process once, however often this is called.

    It counts for objects that are made after it.

    Args:
        tracer_provider, meter_provider: None for those of the process.
    """
    if not _installed:
        _installed.append(OpenTelemetryTracer(tracer_provider, meter_provider))
        hyper_trace.install(_installed[0])


def uninstrument() -> None:
    """Take ``instrument`` back, for objects that are made from now on."""
    while _installed:
        hyper_trace.uninstall(_installed.pop())
