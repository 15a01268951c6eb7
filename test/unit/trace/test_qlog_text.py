"""hyper.trace.qlog_text: qlog as JSON text sequences."""

from __future__ import annotations

import json

from hyper import trace
from test.unit.trace.story import EVENTS, frame


def records(events=EVENTS, **options):
    text = "".join(trace.qlog(events, clock=0.0, **options))
    assert text.startswith("\x1e")
    parts = text.split("\x1e")[1:]
    assert all(part.endswith("\n") and part.count("\n") == 1 for part in parts)
    return [json.loads(part) for part in parts]


def test_the_first_record_names_the_form_the_schema_and_the_clock():
    head, *_ = records(title="mine")
    assert head["file_schema"] == "urn:ietf:params:qlog:file:sequential"
    assert head["serialization_format"] == "application/qlog+json-seq"
    assert head["title"] == "mine"
    assert head["trace"]["vantage_point"]["type"] == "client"
    (schema,) = head["trace"]["event_schemas"]
    assert not schema.startswith("urn:ietf:params:qlog:events:")
    fields = head["trace"]["common_fields"]
    assert fields["time_format"] == "relative_to_epoch"
    # A monotonic clock has no epoch.
    assert fields["reference_time"]["clock_type"] == "monotonic"
    assert fields["reference_time"]["epoch"] == "unknown"


def test_each_event_has_a_time_a_name_and_data():
    events = records()[1:]
    assert all(set(event) == {"time", "name", "group_id", "data"} for event in events)
    assert all(event["name"].startswith("http2:") for event in events)
    times = [event["time"] for event in events]
    assert times == sorted(times)
    assert times[0] == 0.0


def test_frames_have_the_names_that_http_3_has():
    events = records()[1:]
    created = [event["data"] for event in events if event["name"] == "http2:frame_created"]
    assert created[1]["frame"]["frame_type"] == "headers"
    assert created[1]["frame"]["headers"][0] == {"name": ":method", "value": "GET"}
    parsed = [event["data"] for event in events if event["name"] == "http2:frame_parsed"]
    assert parsed[-1]["frame"]["error_code"] == "NO_ERROR"
    names = {event["name"].partition(":")[2] for event in events}
    assert {"parameters_set", "stream_type_set", "push_resolved", "connection_closed"} <= names


def test_a_priority_update_is_told():
    """RFC 9218, 7.1."""
    event = frame(1.0, 0, 0x10, 7, {"prioritized": 5, "priority": "u=1"}, sent=True)
    assert records([event])[-1]["data"] == {
        "stream_type": "request",
        "stream_id": 5,
        "new": "u=1",
    }


def test_a_trace_of_nothing_is_a_header_alone():
    assert len(records([])) == 1
