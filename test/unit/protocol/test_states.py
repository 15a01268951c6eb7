"""protocol/states.py: the tables of RFC 9113, 5.1 and 8.1, walked cell by cell.

The tables stand here a second time, as text, in the words of the design.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hyper import protocol
from hyper.errors import ConnectionFault, ErrorCode, LocalProtocolError, StreamFault
from hyper.protocol import states

PROTOCOL = Path(protocol.__file__).parent

# C: connection error, S: stream error, L: the caller's error, -: ignored.
# PE: PROTOCOL_ERROR, SC: STREAM_CLOSED.
STREAM = """
                     |         send          |                  receive                        | of all
                     | HEADERS | END | RST   | HEADERS | DATA | END  | RST | WINDOW_UPDATE | WITHHOLD | CONNECTION_ENDED
IDLE                 | OPEN    | L   | L     | C:PE    | C:PE | C:PE | C:PE | C:PE | -    | -
RESERVED_REMOTE      | L       | L   | CANC  | HC_L    | C:PE | C:PE | CLSD | C:PE | RR   | CLSD
OPEN                 | OPEN    | HC_L| CANC  | OPEN    | OPEN | HC_R | CLSD | OPEN | HELD | CLSD
HALF_CLOSED_LOCAL    | L       | L   | CANC  | HC_L    | HC_L | CLSD | CLSD | HC_L | HC_L | CLSD
HALF_CLOSED_REMOTE   | HC_R    | CLSD| CANC  | S:SC    | S:SC | S:SC | CLSD | HC_R | CANC | CLSD
CLOSED               | L       | L   | -     | C:SC    | C:SC | C:SC | -    | -    | -    | -
CANCELLED            | L       | L   | -     | -       | -    | -    | -    | -    | -    | -
WITHHELD             | L       | L   | CANC  | HELD    | HELD | CANC | CLSD | HELD | HELD | CLSD
"""  # noqa: E501 - a table has long lines

MESSAGE = """
         | 1xx      | final   | DATA    | HEADERS, END | HEADERS, no END | END  | RESET
AWAITING | AWAITING | CONTENT | S:PE    | S:PE         | S:PE            | S:PE | S:PE
CONTENT  | S:PE     | S:PE    | CONTENT | TRAILERS     | S:PE            | DONE | DONE
TRAILERS | S:PE     | S:PE    | S:PE    | S:PE         | S:PE            | DONE | DONE
DONE     | S:PE     | S:PE    | S:PE    | S:PE         | S:PE            | S:PE | DONE
"""

SHORT = {
    "HC_L": "HALF_CLOSED_LOCAL",
    "HC_R": "HALF_CLOSED_REMOTE",
    "CLSD": "CLOSED",
    "CANC": "CANCELLED",
    "HELD": "WITHHELD",
    "RR": "RESERVED_REMOTE",
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
    assert [len(row) for row in states.STREAM] == [10] * 8
    assert [len(row) for row in states.MESSAGE] == [7] * 4
    assert len(cells(STREAM, 2)) == 80
    assert len(cells(MESSAGE, 1)) == 28


def test_the_columns_are_in_the_order_of_the_inputs():
    assert (states.SEND_HEADERS, states.SEND_END, states.SEND_RST) == (0, 1, 2)
    assert (states.RECV_HEADERS, states.RECV_DATA, states.RECV_END) == (3, 4, 5)
    assert (states.RECV_RST, states.RECV_WINDOW_UPDATE) == (6, 7)
    assert (states.WITHHOLD, states.CONNECTION_ENDED) == (8, 9)
    assert (states.HEADERS_INTERIM, states.HEADERS_FINAL, states.DATA) == (0, 1, 2)
    assert (states.HEADERS_ENDING, states.HEADERS_GOING_ON, states.END) == (3, 4, 5)
    assert states.RESET_AFTER_CONTENT == 6


def test_every_state_input_and_phase_has_a_name():
    assert len(set(states.STATE_NAMES)) == len(states.STREAM)
    assert len(set(states.INPUT_NAMES)) == len(states.STREAM[0])
    assert len(set(states.PHASE_NAMES)) == len(states.MESSAGE)
    assert len(set(states.MESSAGE_INPUT_NAMES)) == len(states.MESSAGE[0])


def test_a_closed_stream_never_opens_again():
    for state in (states.CLOSED, states.CANCELLED, states.IDLE):
        for cell in states.STREAM[state][states.RECV_HEADERS :]:
            assert cell < 0


def test_a_half_that_is_closed_stays_closed():
    """5.1: nothing leads back to a state in which we may send, or the peer may."""
    may_receive = {states.OPEN, states.HALF_CLOSED_LOCAL, states.WITHHELD, states.RESERVED_REMOTE}
    for state, row in enumerate(states.STREAM):
        for cell in row:
            if cell >= 0 and state != states.IDLE:
                assert state in states.LOCAL_OPEN or cell not in states.LOCAL_OPEN
                assert state in may_receive or cell not in may_receive


def assigned(tree):
    """(attribute, what is assigned to it) of each assignment to an attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    yield target.attr, node.value


@pytest.mark.parametrize("path", sorted(PROTOCOL.glob("*.py")), ids=lambda path: path.stem)
def test_the_tables_are_the_only_writers_of_state_and_phase(path):
    steps = {"step_stream", "step_message"}
    given = {"state", "phase", "AWAITING"}  # a stream's first, and one step's result under a name
    for attribute, value in assigned(ast.parse(path.read_text("utf-8"))):
        if attribute in ("state", "phase"):
            name = value.func if isinstance(value, ast.Call) else value
            assert isinstance(name, ast.Name)
            assert name.id in (steps if isinstance(value, ast.Call) else given)


def looks(tree):
    """(table, its two indices, the statement after it) of each cell that is given a name."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement, after in zip(body, body[1:]) if isinstance(body, list) else ():
            value = getattr(statement, "value", None)
            if not (isinstance(value, ast.Subscript) and isinstance(value.value, ast.Subscript)):
                continue
            table = ast.unparse(value.value.value)
            if table in ("STREAM", "MESSAGE") and isinstance(node, ast.FunctionDef):
                yield table, ast.unparse(value.value.slice), ast.unparse(value.slice), after


@pytest.mark.parametrize("path", sorted(PROTOCOL.glob("*.py")), ids=lambda path: path.stem)
def test_a_look_into_a_table_in_place_asks_for_the_verdict_of_the_same_cell(path):
    """The hot receivers do in place what step_stream and step_message do, without a call."""
    for table, now, event, after in looks(ast.parse(path.read_text("utf-8"))):
        if path.stem == "states":
            continue  # the two functions themselves
        assert isinstance(after, ast.If)
        least, step = {"STREAM": ("state < IGNORE", "step_stream")}.get(
            table, ("phase < 0", "step_message")
        )
        assert ast.unparse(after.test) == least
        call = ast.unparse(after.body[0])
        assert call.startswith(f"{step}({now}, {event}, ")


@pytest.mark.parametrize("event", [states.RECV_DATA, states.RECV_WINDOW_UPDATE])
def test_a_frame_that_a_stream_allows_leaves_its_state_as_it_is(event):
    """5.1: the receivers of DATA and WINDOW_UPDATE rely on it, and write no state back."""
    for state, row in enumerate(states.STREAM):
        assert row[event] in (state, states.IGNORE) or row[event] < states.IGNORE


def test_content_is_the_one_phase_that_allows_data_and_stays():
    """8.1: ``Stream.receive_content`` compares the phase, and looks nothing up."""
    allowed = [phase for phase, row in enumerate(states.MESSAGE) if row[states.DATA] >= 0]
    assert allowed == [states.CONTENT]
    assert states.MESSAGE[states.CONTENT][states.DATA] == states.CONTENT
