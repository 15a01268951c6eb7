"""A trace of real servers: each view shows what they did."""

from __future__ import annotations

import json
import re

import pytest

import hyper
from hyper import trace
from test.live.server import FILES


@pytest.fixture
def browse(certificates):
    """Fetch a page of a server's with all that it pushes, and return what was recorded."""

    def run(server, *paths, **wants):
        recorder = trace.Recorder(**wants)
        context = certificates.hyper_context()
        with hyper.HTTP20Connection(
            "localhost", server.port, ssl_context=context, timeout=30, trace=recorder
        ) as connection:
            ids = [connection.request("GET", path) for path in paths]
            for stream_id in ids:
                connection.getresponse(stream_id).read()
                for push in connection.getpushes(stream_id, capture_all=True):
                    push.getresponse().read()
            connection.ping()
        return recorder

    return run


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("nghttpd", ["/index.html", "/style.css"]),
        ("nginx", ["/index.html", "/style.css"]),
        ("node", ["/push", "/push"]),
    ],
)
def test_the_views_show_what_a_server_did(request, browse, name, paths):
    recorder = browse(request.getfixturevalue(name), *paths, content=True)
    first, *_ = exchanges = [e for e in trace.exchanges(recorder) if not e.is_pushed]
    assert [each.path for each in exchanges] == paths
    assert {each.error for each in exchanges} == {""}
    assert first.status == 200
    if "/style.css" in paths:
        assert exchanges[1].content == FILES["style.css"]
    frames = trace.frame_lines(recorder)
    assert "ALPN chose h2" in frames
    assert re.search(r"recv HEADERS +stream 1, ", frames)
    assert re.search(r"recv PING .* ACK", frames)
    chart = trace.waterfall(recorder)
    assert "TLS" in chart
    assert re.search(rf"1 +GET {paths[0]} .* 200 ", chart)
    entries = trace.har(recorder)["log"]["entries"]
    assert entries[0]["timings"]["ssl"] > 0
    assert {entry["response"]["status"] for entry in entries} == {200}
    text = "".join(trace.qlog(recorder))
    assert all(json.loads(part) for part in text.split("\x1e")[1:])
    (connection,) = trace.connections(recorder)
    assert connection.round_trip > 0
    assert "closed on this side" in connection.why


def test_pushes_of_nghttpd_stand_in_each_view(nghttpd, browse):
    """RFC 9113, 8.4."""
    recorder = browse(nghttpd, "/index.html")
    pushes = [each for each in trace.exchanges(recorder) if each.is_pushed]
    assert {push.path for push in pushes} == {"/style.css", "/app.js"}
    assert {push.parent for push in pushes} == {1}
    assert all(push.ended is not None and push.size for push in pushes)
    chart = trace.waterfall(recorder)
    assert re.search(r"^\*\d+ +GET /style.css ", chart, re.MULTILINE)
    marked = [e["_was_pushed"] for e in trace.har(recorder)["log"]["entries"]]
    assert sorted(marked) == [0, 1, 1]
    assert '"http2:push_resolved"' in "".join(trace.qlog(recorder))
    (first,) = (each for each in trace.exchanges(recorder) if not each.is_pushed)
    assert first.trailers == (("x-trailer", "from nghttpd"),)


def test_haralyzer_reads_the_archive_of_a_real_server(nghttpd, browse):
    haralyzer = pytest.importorskip("haralyzer")
    archive = json.loads(json.dumps(trace.har(browse(nghttpd, "/index.html", content=True))))
    page = haralyzer.HarPage("unknown", har_parser=haralyzer.HarParser(archive))
    assert {entry.status for entry in page.entries} == {200}
    assert {entry.request.url.rpartition("/")[2] for entry in page.entries} == {
        "index.html",
        "style.css",
        "app.js",
    }
