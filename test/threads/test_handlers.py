"""Signal handlers that use a connection, at the lines of what their thread does there (rule 14).

A handler runs between any two steps of its thread. If that is in the middle of a step, a call must
change nothing: the tables of HPACK would be out of step with the peer's (RFC 7541, 2.2), and one
request have another's fields. It must not wait either, for a lock that its own thread holds.
HYPER_LONG=1 tries every line.
"""

from __future__ import annotations

import contextlib
import time

import pytest

from hyper import ConnectionTerminated, HTTP20Connection, Pool, StreamResetError
from hyper.errors import HTTPException, ResponseNotReady
from test.origin import Echo
from test.scripted.strikes import Strike, collected, stride

forgotten = pytest.fixture(autouse=True)(collected)

# Seconds that a wait may take, and after which a request counts as one that was forgotten, and
# only looked again when its time was over.
DEADLINE, HANGING = 20.0, 10.0
CONTENT = b"content"

# Parts of hyper, and at which of their lines a handler runs: 1 is every line, where a lock is held.
ROOMS = {
    "client/registry.py": 1,
    "client/": 41,
    "hpack/": 13,
    "protocol/": 41,
    "pump/": 3,
    "transport/": 23,
}


class Handler(Strike):
    """A signal handler that calls something, at the line number `at` of a part of hyper."""

    def __init__(self, room, at):
        super().__init__(None, at)
        self._room = f"/hyper/{room}"
        self.call = lambda: None
        self.outcome = None

    def handle(self, *_):
        self.outcome = outcome_of(self.call)

    def _line(self, frame, event, argument):
        if self._room in frame.f_code.co_filename:
            super()._line(frame, event, argument)
        return self._line


def outcome_of(call):
    """Return the result of a call, or its exception."""
    try:
        return call()
    except BaseException as error:  # noqa: BLE001  the test looks at it
        return error


class Scene:
    """A client of its own, one request by it, and a handler in the middle of that.

    kind: whether the request goes out whole, in pieces, or by a pool.
    """

    def __init__(self, server, kind, room, at):
        self.kind, self.server = kind, server
        self.client = Pool(http2="prior", timeout=DEADLINE)
        if kind != "pool":
            options = {"secure": False, "timeout": DEADLINE}
            self.client = HTTP20Connection("127.0.0.1", server.port, **options)
        self.handler = Handler(room, at)
        self.name = f"{kind}-{room}-{at}"
        self.stream_id = None

    def ask(self, path):
        fields = {"authorization": f"who asks for {path}"}
        if self.kind == "pool":
            url = f"http://127.0.0.1:{self.server.port}{path}"
            return self.client.request("POST", url, CONTENT, fields).read()
        if self.kind == "whole":
            self.stream_id = self.client.request("POST", path, CONTENT, fields)
            return self.client.getresponse(self.stream_id).read()
        stream_id = self.client.putrequest("POST", path)
        self.client.putheader("authorization", fields["authorization"], stream_id=stream_id)
        self.client.endheaders(stream_id=stream_id)
        self.client.send(CONTENT[:3], stream_id=stream_id)
        self.client.send(CONTENT[3:], final=True, stream_id=stream_id)
        return self.client.getresponse(stream_id).read()

    def gets(self, path):
        """True if a request gets its own answer."""
        return self.ask(path) == answer_to(path)

    def play(self, call):
        """Ask, and have the handler call something meanwhile; returns what came of the request."""
        self.handler.call = call
        outcomes = []
        begin = time.monotonic()
        error = self.handler.run(lambda: outcomes.append(self.ask(f"/{self.name}/outer")))
        assert time.monotonic() - begin < HANGING, self.handler.where
        return error or outcomes[0]


def answer_to(path):
    return Echo.answer_to("POST", path, f"who asks for {path}", CONTENT)


def scenes(server, kind, room):
    """Yield scenes that are ready to be played, until one has no line for the handler."""
    for at in range(1, 100_000, stride(ROOMS[room])):
        scene = Scene(server, kind, room, at)
        with contextlib.closing(scene.client):
            assert scene.gets("/first")
            yield scene
            if not scene.handler.where:
                break
            # Whatever the handler did, the next request is right.
            assert scene.gets("/last"), scene.handler.where
    assert at > 2, "no handler was ever called"


def is_refusal(outcome):
    return isinstance(outcome, RuntimeError) and "in the middle of a step" in str(outcome)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("kind", ["whole", "pieces", "pool"])
def test_a_handlers_request_is_answered_or_refused_at_once_wherever_it_comes(room, kind):
    """8.1; RFC 7541, 2.2: each request gets its own answer, and what is refused is not sent."""
    refusals = 0
    with Echo() as server:
        for scene in scenes(server, kind, room):
            path = f"/{scene.name}/handler"
            outcome = scene.play(lambda scene=scene, path=path: scene.ask(path))
            where, handled = scene.handler.where, scene.handler.outcome
            assert outcome == answer_to(f"/{scene.name}/outer"), (where, outcome)
            if isinstance(handled, RuntimeError):
                assert is_refusal(handled), (where, handled)
                refusals += 1
                assert path not in server.processed, where
            elif where:
                assert handled == answer_to(path), (where, handled)
    assert max(n for path, n in server.processed.items() if scene.kind in path) == 1
    assert refusals or room == "client/", "no step was met"


@pytest.mark.parametrize("room", ROOMS)
def test_a_handler_may_close_a_connection_wherever_it_comes(room):
    """6.8: it ends at the end of the step, and nothing that it has serves another connection."""
    with Echo() as server:
        for scene in scenes(server, "whole", room):
            pump = scene.client._pumps.current
            outcome = scene.play(scene.client.close)
            where = scene.handler.where
            assert scene.handler.outcome is None, (where, scene.handler.outcome)
            is_told = isinstance(outcome, (ConnectionTerminated, ResponseNotReady))
            is_cut = isinstance(outcome, HTTPException)  # IncompleteRead
            right = outcome == answer_to(f"/{scene.name}/outer")
            assert right or is_told or is_cut, (where, outcome)
            if where:
                assert scene.gets("/next"), where
                assert pump.is_closed, where


@pytest.mark.parametrize("room", ROOMS)
def test_a_handler_may_cancel_the_request_of_its_thread_wherever_it_comes(room):
    """5.4.2: the request is answered, or says that it was cancelled; no content is lost unsaid."""
    with Echo() as server:
        for scene in scenes(server, "whole", room):
            first = scene.stream_id
            outcome = scene.play(lambda scene=scene, first=first: scene.client.cancel(first + 2))
            where, handled = scene.handler.where, scene.handler.outcome
            assert handled is None or is_refusal(handled), (where, handled)
            is_told = isinstance(outcome, (StreamResetError, ResponseNotReady, HTTPException))
            right = outcome == answer_to(f"/{scene.name}/outer")
            assert right or is_told, (where, outcome)


@pytest.mark.parametrize(("room", "lines"), [("", 97), ("client/pumps", 1)])
def test_a_handlers_request_may_come_while_its_thread_connects(room, lines):
    """9.1: it is answered, or refused, and a connection that nobody needs is ended."""
    with Echo() as server:
        for at in range(1, 100_000, stride(lines)):
            scene = Scene(server, "whole", room, at)
            with contextlib.closing(scene.client):
                outcome = scene.play(lambda scene=scene: scene.ask(f"/{scene.name}/handler"))
                where, handled = scene.handler.where, scene.handler.outcome
                if not where:
                    break
                right = answer_to(f"/{scene.name}/handler")
                assert handled == right or is_refusal(handled), (where, handled)
                assert outcome == answer_to(f"/{scene.name}/outer"), (where, outcome)
                assert scene.gets("/last")
    assert at > lines
