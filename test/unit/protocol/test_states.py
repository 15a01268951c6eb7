"""protocol/states.py: the tables of RFC 9113, 5.1 and 8.1, walked cell by cell.

The tables stand here a second time, as text, in the words of the design.
"""

from __future__ import annotations

import pytest

from hyper.errors import ConnectionFault, ErrorCode, LocalProtocolError, StreamFault
from hyper.protocol import states

# C: connection error, S: stream error, L: the caller's error, -: ignored.
# PE: PROTOCOL_ERROR, SC: STREAM_CLOSED.
STREAM = """
                     |         send          |                  receive
                     | HEADERS | END | RST   | HEADERS | DATA | END  | RST | WINDOW_UPDATE
IDLE                 | OPEN    | L   | L     | C:PE    | C:PE | C:PE | C:PE | C:PE
RESERVED_REMOTE      | L       | L   | CANC  | HC_L    | C:PE | C:PE | CLSD | C:PE
OPEN                 | OPEN    | HC_L| CANC  | OPEN    | OPEN | HC_R | CLSD | OPEN
HALF_CLOSED_LOCAL    | L       | L   | CANC  | HC_L    | HC_L | CLSD | CLSD | HC_L
HALF_CLOSED_REMOTE   | HC_R    | CLSD| CANC  | S:SC    | S:SC | S:SC | CLSD | HC_R
CLOSED               | L       | L   | -     | C:SC    | C:SC | C:SC | -    | -
CANCELLED            | L       | L   | -     | -       | -    | -    | -    | -
"""

MESSAGE = """
         | 1xx      | final   | DATA    | HEADERS, END | HEADERS, no END | END
AWAITING | AWAITING | CONTENT | S:PE    | S:PE         | S:PE            | S:PE
CONTENT  | S:PE     | S:PE    | CONTENT | TRAILERS     | S:PE            | DONE
TRAILERS | S:PE     | S:PE    | S:PE    | S:PE         | S:PE            | DONE
DONE     | S:PE     | S:PE    | S:PE    | S:PE         | S:PE            | S:PE
"""

SHORT = {
    "HC_L": "HALF_CLOSED_LOCAL",
    "HC_R": "HALF_CLOSED_REMOTE",
    "CLSD": "CLOSED",
    "CANC": "CANCELLED",
}
CODES = {"PE": ErrorCode.PROTOCOL_ERROR, "SC": ErrorCode.STREAM_CLOSED}
SCOPES = {"C": ConnectionFault, "S": StreamFault}


def cells(text, lines_of_head):
    """(state, number of the input, what the cell says) of each cell."""
    rows = [
        [word.strip() for word in line.split("|")]
        for line in text.strip("\n").splitlines()[lines_of_head:]
    ]
    return [
        pytest.param(state, event, SHORT.get(cell, cell), id=f"{state}-{event}")
        for state, *row in rows
        for event, cell in enumerate(row)
    ]


def check(step, state, event, cell):
    """One step does what the cell says, and a fault says which stream, and which section."""
    if cell == "-":
        assert step(state, event, 7) == states.IGNORE
    elif cell == "L":
        with pytest.raises(LocalProtocolError, match=r"stream 7.*\(RFC 9113, 5\.1\)") as caught:
            step(state, event, 7)
        assert caught.value.stream_id == 7
    elif ":" in cell:
        scope, code = cell.split(":")
        with pytest.raises(SCOPES[scope], match=r"stream 7.*\(RFC 9113, [58]\.1\)") as caught:
            step(state, event, 7)
        assert caught.value.code == CODES[code]
        assert scope == "C" or caught.value.stream_id == 7
    else:
        assert step(state, event, 7) == getattr(states, cell)


@pytest.mark.parametrize(("state", "event", "cell"), cells(STREAM, 2))
def test_5_1_stream(state, event, cell):
    check(states.step_stream, getattr(states, state), event, cell)


@pytest.mark.parametrize(("phase", "event", "cell"), cells(MESSAGE, 1))
def test_8_1_message(phase, event, cell):
    check(states.step_message, getattr(states, phase), event, cell)


def test_the_texts_above_are_whole():
    assert [len(row) for row in states.STREAM] == [8] * 7
    assert [len(row) for row in states.MESSAGE] == [6] * 4
    assert len(cells(STREAM, 2)) == 56
    assert len(cells(MESSAGE, 1)) == 24


def test_the_columns_are_in_the_order_of_the_inputs():
    assert (states.SEND_HEADERS, states.SEND_END, states.SEND_RST) == (0, 1, 2)
    assert (states.RECV_HEADERS, states.RECV_DATA, states.RECV_END) == (3, 4, 5)
    assert (states.RECV_RST, states.RECV_WINDOW_UPDATE) == (6, 7)
    assert (states.HEADERS_INTERIM, states.HEADERS_FINAL, states.DATA) == (0, 1, 2)
    assert (states.HEADERS_ENDING, states.HEADERS_GOING_ON, states.END) == (3, 4, 5)


def test_every_state_input_and_phase_has_a_name():
    assert len(set(states.STATE_NAMES)) == len(states.STREAM)
    assert len(set(states.INPUT_NAMES)) == len(states.STREAM[0])
    assert len(set(states.PHASE_NAMES)) == len(states.MESSAGE)
    assert len(set(states.MESSAGE_INPUT_NAMES)) == len(states.MESSAGE[0])


def test_a_closed_stream_never_opens_again():
    for state in (states.CLOSED, states.CANCELLED, states.IDLE):
        for cell in states.STREAM[state][states.RECV_HEADERS :]:
            assert cell < 0
