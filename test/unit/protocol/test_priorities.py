"""protocol/priorities.py: what a caller may give as a priority (RFC 9218, 4)."""

from __future__ import annotations

import pytest

from hyper.errors import LocalProtocolError
from hyper.protocol.priorities import Priority, field_value, fields


@pytest.mark.parametrize(
    ("priority", "written"),
    [
        (Priority(), "u=3"),
        (Priority(0), "u=0"),
        (Priority(7, True), "u=7, i"),
        (Priority(incremental=True), "u=3, i"),
    ],
)
def test_4_a_priority_is_written_as_a_dictionary(priority, written):
    assert str(priority) == written
    assert field_value(priority) == written.encode()
    assert fields(priority, ((b"a", b"1"),)) == ((b"priority", written.encode()),)
    assert field_value(written) == written.encode()


def test_5_a_request_has_one_priority():
    own = ((b"priority", b"u=5"),)
    assert fields(None, own) == ()
    with pytest.raises(LocalProtocolError, match=r"twice.*9218, 5"):
        fields("u=5", own)


def test_a_priority_is_a_value():
    priority = Priority(urgency=1, incremental=True)
    assert (priority.urgency, priority.incremental) == (1, True)
    assert eval(repr(priority)) == priority
    assert {priority: 1}[Priority(1, True)] == 1
    assert priority != Priority(1)
    assert priority != "u=1, i"
    with pytest.raises(AttributeError):
        priority.urgency = 2


@pytest.mark.parametrize("urgency", [-1, 8, 1.5, "1", None])
def test_4_1_an_urgency_is_0_to_7(urgency):
    with pytest.raises(LocalProtocolError, match=r"9218, 4\.1"):
        Priority(urgency)


@pytest.mark.parametrize("text", ["u=0", "i", "i=?0", "u=1,i", " u=5,\ti=?1 ", "x-own=abc, *a=1.5"])
def test_4_further_parameters_go_as_they_are(text):
    assert field_value(text) == text.strip().encode()


@pytest.mark.parametrize(
    "text", ["", ",", "u", "u=8", "u=10", "u=?1", "i=1", "i=", "U=1", "u=1;a", "u=1, ", "ü=1", "=1"]
)
def test_4_what_no_server_would_understand_is_refused(text):
    with pytest.raises(LocalProtocolError, match="9218, 4"):
        field_value(text)


@pytest.mark.parametrize("given", [1, None, b"u=1", (1, True)])
def test_it_is_a_priority_or_text(given):
    with pytest.raises(TypeError, match="Priority or a str"):
        field_value(given)
