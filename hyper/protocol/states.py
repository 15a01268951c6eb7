"""The state tables: what may happen when, and nothing else.

The tables are the only writers of ``Stream.state`` and ``Stream.phase``: each new value is a
cell, looked up by ``step_stream`` or ``step_message``, or in place where a call would cost much.
Two questions are asked of every frame on a stream, and one look into a table answers each of them.

``STREAM`` (RFC 9113, 5.1) asks whether the *frame* may come in this state of the stream, seen
from the client's side::

                          send HEADERS                recv PUSH_PROMISE (on its parent)
                 +--------------- IDLE ---------------+
                 v                                    v
        .----- OPEN -----.                     RESERVED_REMOTE
        | send END       | recv END                   |
        v                v                            | recv HEADERS
    HALF_CLOSED_LOCAL   HALF_CLOSED_REMOTE            |
        | recv END  ^    | send END                   |
        |           '----|----------------------------'
        v                v
      CLOSED <-----------'     recv RST, or the connection ends: CLOSED from anywhere
                               send RST: CANCELLED from anywhere

WITHHELD is OPEN for the peer and half-closed for us, without END_STREAM: we send no more of the
request, because the peer has answered without it (8.1).  When its response has ended, the stream
must be reset, as it must be if the response had ended before: both go to CANCELLED.  **Whoever
steps a stream to CANCELLED sends RST_STREAM.**

``MESSAGE`` (RFC 9113, 8.1) asks whether it makes a well-formed *response*: interim responses,
one final field section, content, perhaps a trailer section, the end.

A cell is the next state (zero or more) or one of the four verdicts below (less than zero).
END, the END_STREAM flag, is an input of its own, stepped after the frame that carries it.
CLOSED and CANCELLED differ because frames may still be under way to a stream that *we* reset:
they are ignored, while frames on a stream that the peer itself ended are its error.

The connection has no table of its own: its phase is the tuple of receivers in use
(``receivers.py``).
"""

from __future__ import annotations

from ..errors import ConnectionFault, ErrorCode, LocalProtocolError, StreamFault

# States of a stream.
(
    IDLE,
    RESERVED_REMOTE,
    OPEN,
    HALF_CLOSED_LOCAL,
    HALF_CLOSED_REMOTE,
    CLOSED,
    CANCELLED,
    WITHHELD,
) = range(8)

STATE_NAMES = (
    "idle",
    "reserved (remote)",
    "open",
    "half-closed (local)",
    "half-closed (remote)",
    "closed",
    "cancelled",
    "open, its request withheld",
)

#: The states in which we may still send on a stream (5.1).
LOCAL_OPEN = frozenset((OPEN, HALF_CLOSED_REMOTE))

# Events of a stream.
(
    SEND_HEADERS,
    SEND_END,
    SEND_RST,
    RECV_HEADERS,
    RECV_DATA,
    RECV_END,
    RECV_RST,
    RECV_WINDOW_UPDATE,
    WITHHOLD,
    CONNECTION_ENDED,
) = range(10)

INPUT_NAMES = (
    "sending HEADERS",
    "ending the request",
    "resetting the stream",
    "HEADERS",
    "DATA",
    "END_STREAM",
    "RST_STREAM",
    "WINDOW_UPDATE",
    "withholding the rest of the request",
    "the end of the connection",
)

# Verdicts.
IGNORE = -1  # nothing changes; the frame is dropped
LOCAL = -2  # the caller's fault; nothing is sent
C_PE = -3  # connection error PROTOCOL_ERROR
C_SC = -4  # connection error STREAM_CLOSED
S_SC = -5  # stream error STREAM_CLOSED
S_PE = -6  # stream error PROTOCOL_ERROR

# fmt: off
STREAM = (
    # send:                                            receive:                                                                                 ours:              of all:  # noqa: E501 - a table has long lines
    # HEADERS            END                RST        HEADERS            DATA               END                 RST     WINDOW_UPDATE       WITHHOLD           CONNECTION_ENDED  # noqa: E501 - a table has long lines
    (OPEN,               LOCAL,             LOCAL,     C_PE,              C_PE,              C_PE,               C_PE,   C_PE,               IGNORE,            IGNORE),  # IDLE  # noqa: E501 - a table has long lines
    (LOCAL,              LOCAL,             CANCELLED, HALF_CLOSED_LOCAL, C_PE,              C_PE,               CLOSED, C_PE,               RESERVED_REMOTE,   CLOSED),  # RESERVED_REMOTE  # noqa: E501 - a table has long lines
    (OPEN,               HALF_CLOSED_LOCAL, CANCELLED, OPEN,              OPEN,              HALF_CLOSED_REMOTE, CLOSED, OPEN,               WITHHELD,          CLOSED),  # OPEN  # noqa: E501 - a table has long lines
    (LOCAL,              LOCAL,             CANCELLED, HALF_CLOSED_LOCAL, HALF_CLOSED_LOCAL, CLOSED,             CLOSED, HALF_CLOSED_LOCAL,  HALF_CLOSED_LOCAL, CLOSED),  # HALF_CLOSED_LOCAL  # noqa: E501 - a table has long lines
    (HALF_CLOSED_REMOTE, CLOSED,            CANCELLED, S_SC,              S_SC,              S_SC,               CLOSED, HALF_CLOSED_REMOTE, CANCELLED,         CLOSED),  # HALF_CLOSED_REMOTE  # noqa: E501 - a table has long lines
    (LOCAL,              LOCAL,             IGNORE,    C_SC,              C_SC,              C_SC,               IGNORE, IGNORE,             IGNORE,            IGNORE),  # CLOSED  # noqa: E501 - a table has long lines
    (LOCAL,              LOCAL,             IGNORE,    IGNORE,            IGNORE,            IGNORE,             IGNORE, IGNORE,             IGNORE,            IGNORE),  # CANCELLED  # noqa: E501 - a table has long lines
    (LOCAL,              LOCAL,             CANCELLED, WITHHELD,          WITHHELD,          CANCELLED,          CLOSED, WITHHELD,           WITHHELD,          CLOSED),  # WITHHELD  # noqa: E501 - a table has long lines
)
# fmt: on

# Phases of a response message.
AWAITING, CONTENT, TRAILERS, DONE = range(4)

PHASE_NAMES = ("awaiting the response", "content", "trailers", "done")

# Events of a response message.
(
    HEADERS_INTERIM,
    HEADERS_FINAL,
    DATA,
    HEADERS_ENDING,
    HEADERS_GOING_ON,
    END,
    RESET_AFTER_CONTENT,
) = range(7)

MESSAGE_INPUT_NAMES = (
    "an interim response",
    "a final field section",
    "DATA",
    "a trailer section",
    "a second field section that does not end the stream",
    "END_STREAM",
    "RST_STREAM with NO_ERROR after all of the content",
)

# fmt: off
MESSAGE = (
    # HEADERS: 1xx  final     DATA      with END   without    END       RESET_AFTER_CONTENT
    (AWAITING,      CONTENT,  S_PE,     S_PE,      S_PE,      S_PE,     S_PE),  # AWAITING
    (S_PE,          S_PE,     CONTENT,  TRAILERS,  S_PE,      DONE,     DONE),  # CONTENT
    (S_PE,          S_PE,     S_PE,     S_PE,      S_PE,      DONE,     DONE),  # TRAILERS
    (S_PE,          S_PE,     S_PE,     S_PE,      S_PE,      S_PE,     DONE),  # DONE
)
# fmt: on

#: The states of a stream whose HEADERS went out, without END_STREAM and with it.
OPENED = STREAM[IDLE][SEND_HEADERS]
OPENED_ENDED = STREAM[OPENED][SEND_END]


def step_stream(state: int, event: int, stream_id: int) -> int:
    """The next state of a stream, or IGNORE (5.1).

    HOT: once or twice a frame (bench/receive.py, chatter).

    Raises ConnectionFault or StreamFault where the peer is at fault, LocalProtocolError where
    the caller is.
    """
    cell = STREAM[state][event]
    if cell < IGNORE:
        raise stream_verdict(cell, state, event, stream_id)
    return cell


def stream_verdict(cell: int, state: int, event: int, stream_id: int) -> Exception:
    """The exception that a verdict of STREAM stands for."""
    scene = f"{INPUT_NAMES[event]} on stream {stream_id}, which is {STATE_NAMES[state]}"
    if cell == LOCAL:
        return LocalProtocolError(f"{scene} (RFC 9113, 5.1)", stream_id=stream_id)
    if cell == S_SC:
        return StreamFault(stream_id, ErrorCode.STREAM_CLOSED, f"{scene} (RFC 9113, 5.1)")
    code = ErrorCode.STREAM_CLOSED if cell == C_SC else ErrorCode.PROTOCOL_ERROR
    return ConnectionFault(code, f"{scene} (RFC 9113, 5.1)")


def step_message(phase: int, event: int, stream_id: int) -> int:
    """The next phase of a response (8.1). Raises StreamFault where the peer is at fault."""
    cell = MESSAGE[phase][event]
    if cell < 0:
        raise StreamFault(
            stream_id,
            ErrorCode.PROTOCOL_ERROR,
            f"{MESSAGE_INPUT_NAMES[event]} on stream {stream_id} in phase"
            f" '{PHASE_NAMES[phase]}' (RFC 9113, 8.1)",
        )
    return cell
