"""Real servers behind a path on which things go wrong: right answers or typed errors, and an end.

HYPER_LONG=1 plays more of each kind.
"""

from __future__ import annotations

import os
import threading
from http.client import HTTPException
from random import Random

import pytest

from hyper import HTTP20Connection
from test.live import servers
from test.live.conftest import require
from test.live.faults import Cut, Delay, Fault, FaultyPath, Hole, Loss, Reorder
from test.live.server import FILES, pattern

ROUNDS = 100 if os.environ.get("HYPER_LONG") == "1" else 3
MOST_ROUNDS = 10 * ROUNDS

# A caller has to expect these when the network fails: errors of the system, http.client and TLS.
TYPED = (HTTPException, OSError)

# Seconds after which a wait ends on a path where nothing comes any more, and on others.
SHORT, LONG = 0.3, 60.0

# Seconds until a hang is called a hang.
DEADLINE = 120.0

PATHS = ("/large", "/style.css", "/app.js", "/index.html")

RIGHT = {path: FILES[path[1:]] for path in PATHS}

UPLOAD = pattern(150_000)

SERVERS = [(name, secure) for name in ("nginx", "nghttpd") for secure in (True, False)]

every_server = pytest.mark.parametrize(
    ("name", "secure"), SERVERS, ids=[f"{n}-{'tls' if s else 'h2c'}" for n, s in SERVERS]
)


@pytest.fixture(scope="module")
def running(certificates):
    """Start each server once."""
    started = {}

    def start(name, secure):
        require(name)
        if (name, secure) not in started:
            options = {"arguments": ["--echo-upload"]} if name == "nghttpd" else {}
            server = servers.SERVERS[name](certificates if secure else None, **options)
            started[name, secure] = server.start()
        return started[name, secure]

    yield start
    for server in started.values():
        server.stop()


class Conversation:
    """Some requests at once, in a thread of its own, and what came of each."""

    def __init__(self, port, certificates, secure, timeout, name):
        self._arguments = (port, certificates, secure, timeout, name)
        self.outcomes = {}
        self.stray = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        port, certificates, secure, timeout, name = self._arguments
        host = "localhost" if secure else "127.0.0.1"
        context = certificates.client_context() if secure else None
        connection = HTTP20Connection(
            host, port, secure=secure, ssl_context=context, timeout=timeout
        )
        try:
            with connection:
                self._converse(connection, name)
        except TYPED:  # of connecting, or of saying farewell
            pass
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.stray = error

    def _converse(self, connection, name):
        ids = {}
        for path in PATHS:
            try:
                ids[path] = connection.request("GET", path)
            except TYPED as error:
                self.outcomes[path] = (b"", error)
        if name == "nghttpd":
            try:
                ids["/echo"] = connection.request("POST", "/echo", UPLOAD)
            except TYPED as error:
                self.outcomes["/echo"] = (b"", error)
        for path, stream_id in ids.items():
            content = b""
            try:
                response = connection.getresponse(stream_id)
                assert response.status == 200
                while piece := response.read(50_000):
                    content += piece
                self.outcomes[path] = (content, None)
            except TYPED as error:
                self.outcomes[path] = (content, error)

    def end(self):
        """Wait for the end; (how many answers are whole, how many are errors)."""
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "a hang"
        assert self.stray is None, repr(self.stray)
        whole = 0
        for path, (content, error) in self.outcomes.items():
            right = UPLOAD if path == "/echo" else RIGHT[path]
            assert right.startswith(content), f"wrong data of {path}"
            assert error is not None or content == right, f"{path} was cut short in silence"
            whole += error is None
        return whole, len(self.outcomes) - whole


@pytest.fixture
def play(running, certificates):
    """Play a conversation through a fault; (whole answers, errors)."""

    def play_one(name, secure, fault, timeout=LONG):
        server = running(name, secure)
        with FaultyPath(server.port, fault) as path:
            return Conversation(path.port, certificates, secure, timeout, name).end()

    return play_one


@pytest.fixture
def sizes(play):
    """The octets of a conversation in which nothing goes wrong, of answers and of requests."""

    def measure(name, secure):
        found = []
        for is_of_answers in (True, False):
            fault = Fault(is_of_answers=is_of_answers)
            whole, errors = play(name, secure, fault)
            assert (whole, errors) == (len(PATHS) + (name == "nghttpd"), 0)
            found.append(fault.carried)
        return found

    return measure


def places(chance, sizes):
    """Ways and places of faults: near the beginning, where most is said, and anywhere."""
    for number in range(ROUNDS):
        is_of_answers = bool(chance.randrange(3))
        # The last part is not the same in each conversation: WINDOW_UPDATEs, farewells.
        size = sizes[0] * 9 // 10 if is_of_answers else sizes[1] // 2
        yield is_of_answers, chance.randrange(min(size, 2_000) if number % 2 else size)


@every_server
def test_a_path_that_ends_gives_right_answers_or_errors(play, sizes, name, secure):
    """RFC 9113, 8.1: content that was cut short is never taken for the whole."""
    chance = Random(f"cut {name} {secure}")
    for is_of_answers, at in places(chance, sizes(name, secure)):
        for is_reset in (False, True):
            fault = Cut(at, is_reset=is_reset, is_of_answers=is_of_answers)
            whole, errors = play(name, secure, fault)
            assert whole + errors > 0
            assert fault.has_struck or not is_of_answers


@every_server
def test_a_path_on_which_all_vanishes_ends_by_timeouts(play, sizes, name, secure):
    chance = Random(f"hole {name} {secure}")
    for is_of_answers, at in list(places(chance, sizes(name, secure)))[: 1 + ROUNDS // 3]:
        fault = Hole(at, is_of_answers=is_of_answers)
        whole, errors = play(name, secure, fault, SHORT)
        assert errors > 0 if is_of_answers else whole + errors > 0


@pytest.mark.parametrize("name", ["nginx", "nghttpd"])
def test_octets_that_are_lost_within_tls_are_noticed(play, sizes, name):
    """RFC 8446, 5.2: no record is taken that is not what was sent."""
    chance = Random(f"loss {name}")
    for is_of_answers, at in places(chance, sizes(name, True)):
        fault = Loss(at, chance.randrange(1, 3_000), is_of_answers=is_of_answers)
        whole, errors = play(name, True, fault, SHORT)
        assert errors > 0 if is_of_answers else whole + errors > 0


@every_server
def test_a_path_with_delays_gives_every_answer(play, name, secure):
    for number in range(1 + ROUNDS // 3):
        for is_of_answers in (True, False):
            fault = Delay(Random(f"{name} {number}"), is_of_answers=is_of_answers)
            _, errors = play(name, secure, fault)
            assert errors == 0
            assert fault.has_struck


@pytest.mark.parametrize("name", ["nginx", "nghttpd"])
def test_content_of_streams_in_another_order_gives_every_answer(play, name):
    """RFC 9113, 5: the order of frames counts within a stream."""
    struck = 0
    for number in range(MOST_ROUNDS):
        fault = Reorder(Random(f"{name} {number}"))
        _, errors = play(name, False, fault)
        assert errors == 0
        struck += fault.has_struck  # not where the server's frames came one by one
        if struck == ROUNDS:
            break
    assert struck
