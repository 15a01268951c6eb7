"""hyper.trace.events: what an event is, and what is hidden of it."""

from __future__ import annotations

import pytest

from hyper import trace
from hyper.trace import events

FIELDS = ((":method", "GET"), ("cookie", events.Secret("a=b")), ("accept", "*/*"))
HIDDEN = ((":method", "GET"), ("cookie", trace.REDACTED), ("accept", "*/*"))

WITH_FIELDS = [
    trace.RequestSent(1.0, 1, 1, "GET", "https", "a", "/", FIELDS, None, 1),
    trace.Head(1.0, 1, 1, 200, FIELDS),
    trace.Informational(1.0, 1, 1, 103, FIELDS),
    trace.Trailers(1.0, 1, 1, FIELDS),
    trace.Push(1.0, 1, 1, 2, "GET", "https", "a", "/", FIELDS),
]


def test_each_event_begins_with_its_moment_and_its_connection():
    assert {kind._fields[:2] for kind in trace.Event.__args__} == {("moment", "connection")}


@pytest.mark.parametrize("event", WITH_FIELDS, ids=lambda event: type(event).__name__)
def test_an_event_without_secrets_keeps_all_but_their_values(event):
    hidden = trace.redacted(event)
    assert hidden == event._replace(fields=HIDDEN)
    assert "a=b" not in repr(hidden)


def test_trailers_of_a_request_are_hidden_too():
    event = trace.RequestEnd(1.0, 1, 1, FIELDS)
    assert trace.redacted(event).trailers == HIDDEN


@pytest.mark.parametrize("kind", [trace.FrameSent, trace.FrameReceived])
def test_a_frame_without_secrets_keeps_its_other_content(kind):
    event = kind(1.0, 1, 1, 5, 4, 30, {"promised": 2, "fields": FIELDS})
    assert trace.redacted(event).content == {"promised": 2, "fields": HIDDEN}
    assert event.name == "PUSH_PROMISE"


def test_an_event_without_secrets_is_the_same_object():
    for event in (
        trace.End(1.0, 1, 1),
        trace.FrameSent(1.0, 1, 0, 8, 0, 4, {"increment": 5}),
    ):
        assert trace.redacted(event) is event


def test_a_secret_does_not_show_in_its_repr():
    assert "a=b" not in repr(WITH_FIELDS[0])
