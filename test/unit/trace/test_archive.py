"""hyper.trace.archive: HAR 1.2, as its readers take it."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from hyper import trace
from test.unit.trace.story import EVENTS


def entries(events=EVENTS, **options):
    archive = trace.har(events, clock=0.0, **options)
    return json.loads(json.dumps(archive))["log"]["entries"]


def with_content(fields, *octets):
    head = trace.Head(10.1, 1, 1, 200, ((":status", "200"), *fields))
    changed = []
    for event in EVENTS:
        if isinstance(event, trace.Head) and event.stream == 1:
            changed.append(head)
        elif isinstance(event, trace.Content) and event.stream == 1:
            changed += [trace.Content(10.11, 1, 1, len(piece), piece) for piece in octets]
        else:
            changed.append(event)
    return entries(changed)[0]["response"]["content"]


def test_an_entry_has_the_fields_of_http_2():
    first, push, failed = entries()
    assert first["_http2_stream_id"] == 1
    assert [each["_was_pushed"] for each in (first, push, failed)] == [0, 1, 0]
    assert first["_priority"] == "VeryHigh"
    # Chromium's importer takes "connection" for the server's port.
    assert (first["connection"], first["_connectionId"]) == ("443", "1")
    assert first["serverIPAddress"] == "192.0.2.1"
    assert first["response"]["_transferSize"] == 116
    assert first["response"]["_trailers"] == [{"name": "digest", "value": "d"}]
    assert first["response"]["_informational"][0]["status"] == 103
    assert failed["response"]["_error"] == "the server reset the stream with CANCEL"


def test_the_first_request_of_a_connection_has_its_times_and_no_other_has():
    first, push, failed = entries()
    timings = first["timings"]
    assert timings == {
        "blocked": 0.0,
        "dns": 10.0,
        "connect": 50.0,
        "ssl": 30.0,
        "send": 1.0,
        "wait": 39.0,
        "receive": 20.0,
    }
    assert first["time"] == 120.0
    for entry in (push, failed):
        assert entry["timings"]["dns"] == entry["timings"]["connect"] == -1
        assert min(entry["timings"][key] for key in ("send", "wait", "receive")) >= 0
    assert first["startedDateTime"] == "1970-01-01T00:00:10.000+00:00"


@pytest.mark.parametrize(("pause", "dns"), [(0.0, 10.0), (0.01, 10.0), (5.0, 0.0)])
def test_a_connection_that_is_made_just_before_its_request_counts_as_made_for_it(pause, dns):
    opened = next(each.moment for each in EVENTS if isinstance(each, trace.Opened))
    changed = [
        each._replace(queued=opened + pause, moment=opened + pause)
        if isinstance(each, trace.RequestSent) and each.stream == 1
        else each
        for each in EVENTS
    ]
    first = min(entries(changed), key=lambda each: each["_http2_stream_id"])
    assert max(first["timings"]["dns"], 0.0) == dns
    assert (first["timings"]["connect"] > 0) == bool(dns)


def test_the_query_is_decoded():
    assert entries()[0]["request"]["queryString"] == [
        {"name": "q", "value": "1"},
        {"name": "r", "value": " x"},
    ]


def test_cookies_are_left_out_unless_they_are_asked_for():
    text = json.dumps(entries())
    assert "sid=" not in text
    first = entries(sanitized=False)[0]
    assert first["request"]["cookies"] == [
        {"name": "sid", "value": "1"},
        {"name": "b", "value": "2"},
    ]
    assert first["response"]["cookies"] == [{"name": "sid", "value": "2"}]


def test_a_trace_without_secrets_has_none_to_give():
    hidden = [trace.redacted(event) for event in EVENTS]
    assert trace.REDACTED not in json.dumps(entries(hidden))
    assert entries(hidden, sanitized=False)[0]["request"]["cookies"] == []


def test_content_is_text_or_base64():
    assert with_content((), b"<p>", b"hi")["text"] == "<p>hi"
    content = with_content((("content-type", "image/png"),), b"\x89PNG\xff")
    assert base64.b64decode(content["text"]) == b"\x89PNG\xff"
    assert content["encoding"] == "base64"


def test_content_that_is_coded_is_decoded_and_what_was_saved_is_told():
    octets = gzip.compress(b"a" * 1000)
    content = with_content((("content-encoding", "gzip"),), octets)
    assert content["text"] == "a" * 1000
    assert (content["size"], content["compression"]) == (1000, 1000 - len(octets))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_content_whose_coding_is_broken_is_told_as_such(coding):
    content = with_content((("content-encoding", coding),), b"no such thing")
    assert "broken" in content["comment"]


def test_content_in_a_coding_that_the_standard_library_lacks_is_given_as_it_is():
    content = with_content((("content-encoding", "br"),), b"\xff\x00")
    assert "br" in content["comment"]
    assert base64.b64decode(content["text"]) == b"\xff\x00"


def test_without_content_there_is_its_size():
    silent = [
        event._replace(octets=None) if isinstance(event, trace.Content) else event
        for event in EVENTS
    ]
    assert entries(silent)[0]["response"]["content"] == {
        "size": 5,
        "mimeType": "text/html; charset=utf-8",
    }


def test_haralyzer_reads_it():
    haralyzer = pytest.importorskip("haralyzer")
    parser = haralyzer.HarParser(trace.har(EVENTS))
    found = parser.har_data["entries"]
    assert [entry["response"]["status"] for entry in found] == [200, 200, 404]
    page = haralyzer.HarPage("unknown", har_parser=parser)
    assert len(page.entries) == 3
    assert parser.match_headers(found[0], "response", "content-type", "text/html.*")
    first = page.entries[0]
    assert (first.request.method, first.response.status, first.time) == ("GET", 200, 120.0)
