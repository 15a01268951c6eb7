"""The states of a connection of http.client's, and what each call does in each of them."""

from __future__ import annotations

from http.client import CannotSendHeader, CannotSendRequest, ResponseNotReady

#: http.client's own states.
IDLE, REQUEST_STARTED, REQUEST_SENT = "Idle", "Request-started", "Request-sent"

#: For each call and state, the next state, or the exception.  These are http.client's rules, on
#: either protocol, where former responses have been read.
STATES: dict[str, dict[str, str | type[Exception]]] = {
    "putrequest": {
        IDLE: REQUEST_STARTED,
        REQUEST_STARTED: CannotSendRequest,
        REQUEST_SENT: CannotSendRequest,
    },
    "putheader": {
        IDLE: CannotSendHeader,
        REQUEST_STARTED: REQUEST_STARTED,
        REQUEST_SENT: CannotSendHeader,
    },
    "endheaders": {
        IDLE: CannotSendHeader,
        REQUEST_STARTED: REQUEST_SENT,
        REQUEST_SENT: CannotSendHeader,
    },
    "getresponse": {
        IDLE: ResponseNotReady,
        REQUEST_STARTED: ResponseNotReady,
        REQUEST_SENT: IDLE,
    },
    "close": {IDLE: IDLE, REQUEST_STARTED: IDLE, REQUEST_SENT: IDLE},
}

#: An addition: as soon as a request has a stream, the connection is idle again, so that
#: further requests may go out before the response.  ``getresponse`` answers the oldest.
HAS_STREAM = "a request has a stream"
STATES[HAS_STREAM] = {IDLE: IDLE, REQUEST_SENT: IDLE}

#: The way back, for a ``getresponse`` of http.client's that another program has wrapped: it wants
#: to see that a request was sent.
AWAITED = "a wrapped getresponse begins"
STATES[AWAITED] = {IDLE: REQUEST_SENT, REQUEST_SENT: REQUEST_SENT}
