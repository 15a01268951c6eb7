"""Many threads, one connection, and everything that can happen to it, for a time.

    python -m test.threads.soak [--requests 200000] [--seconds 3600] [--threads 64] [--seed 1]

Requests in pieces and whole, with timeouts, cancels, responses dropped in the middle, closes,
pings, and a server that says GOAWAY after every five requests on one port, and ends connections
without a word after every 40 on another. Nothing may be lost, mixed, processed twice, or hang: each
request ends with its own answer, or with an error that what was done to it explains.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections import Counter
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from hyper import HTTP20Connection
from hyper.errors import HTTP20Error, ResponseNotReady
from test.origin import Echo

if TYPE_CHECKING:
    from hyper.testing import SocketPeer

# Seconds after which a thread hangs that does not end.
HANGING = 60.0

# Seconds that any one wait may take: nothing here takes as long.
TIMEOUT = 30.0

# One in so many requests ends in each of these ways.
ODDS = {"timeout": 25, "cancel": 25, "drop": 25, "close": 400, "ping": 20}


class Forgetful(Echo):
    """An Echo that keeps nothing of connections that have ended.

    All of their frames would be millions of objects, and each collection of garbage would stop
    every thread for seconds.
    """

    def _answer_all(self, peer: SocketPeer) -> None:
        try:
            super()._answer_all(peer)
        finally:
            peer.frames.clear()
            self.peers.remove(peer)


class Soak:
    """One run; `outcomes` counts how requests ended, `faults` says what must not be."""

    def __init__(self, threads: int, requests: int, seconds: float, seed: int) -> None:
        self.threads = threads
        self.outcomes: Counter[str] = Counter()
        self.faults: list[str] = []
        self._requests = requests
        self._deadline = time.monotonic() + seconds
        self._seed = seed
        self._lock = threading.Lock()
        self._number = 0
        #: how often anybody has begun to close a connection, and was done: any request under way
        #: meanwhile may end by it
        self._closings: Counter[int] = Counter()
        self._closed: Counter[int] = Counter()

    def _next(self) -> int | None:
        with self._lock:
            if self._number >= self._requests or time.monotonic() > self._deadline:
                return None
            self._number += 1
            return self._number

    def _note(self, outcome: str) -> None:
        with self._lock:
            self.outcomes[outcome] += 1

    def _fault(self, words: str) -> None:
        with self._lock:
            self.faults.append(words)

    def run(self) -> Soak:
        """Until all requests are done, or the time is over."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            one = Forgetful(goaway_every=5, deadline=TIMEOUT)
            two = Forgetful(die_every=40, deadline=TIMEOUT)
            with one, two:
                self._run([one, two])
        finally:
            sys.setswitchinterval(interval)
        return self

    def _run(self, servers: list[Echo]) -> None:
        connections = [
            HTTP20Connection("127.0.0.1", each.port, secure=False, timeout=TIMEOUT)
            for each in servers
        ]
        workers = [
            threading.Thread(target=self._work, args=(n, connections), daemon=True)
            for n in range(self.threads)
        ]
        for each in workers:
            each.start()
        while any(each.is_alive() for each in workers):
            before = sum(self.outcomes.values())
            begin = time.monotonic()
            for each in workers:
                each.join(max(0.0, begin + HANGING - time.monotonic()))
            if sum(self.outcomes.values()) == before and any(each.is_alive() for each in workers):
                alive = sum(each.is_alive() for each in workers)
                self._fault(f"{alive} threads hang")
                break
        for connection in connections:
            threading.Thread(target=connection.close, daemon=True).start()
        for server in servers:
            for path, count in server.processed.items():
                if count > 1:
                    self._fault(f"{path} was processed {count} times")

    def _work(self, thread: int, connections: list[Any]) -> None:
        chance = random.Random(f"{self._seed} {thread}")
        while (number := self._next()) is not None:
            which = number % 2
            closings = self._closed[which]
            fate = next((name for name, odds in ODDS.items() if chance.randrange(odds) == 0), "")
            try:
                outcome = self._ask(connections[which], which, thread, number, fate, chance)
            except ResponseNotReady:
                outcome = "closed" if self._closings[which] != closings else "not ready"
            except TimeoutError:
                outcome = "timeout" if fate == "timeout" else "timed out by itself"
            except (HTTPException, ConnectionError) as error:
                outcome = self._explain(error, which, closings)
            except BaseException as error:  # noqa: BLE001  the run's result tells
                outcome = f"{type(error).__name__}: {error}"[:90]
            self._note(outcome)
            if outcome not in ALLOWED:
                self._fault(f"request {number}, {fate or 'plain'}: {outcome}")

    def _explain(self, error: Exception, which: int, closings: int) -> str:
        """Why a request may have ended by an error, or the error itself."""
        if self._closings[which] != closings:
            return "closed"
        if which == 1:
            return "died"  # without GOAWAY, nobody knows whether it was processed
        if getattr(error, "retryable", False):
            return "in pieces"  # they are gone; a whole request would have gone out again
        return f"{type(error).__name__}: {error}"[:90]

    def _ask(
        self, connection: Any, which: int, thread: int, number: int, fate: str, chance: Any
    ) -> str:
        path, who = f"/{thread}/{number}", f"user {thread}.{number}"
        content = f"{number};".encode() * chance.randrange(60)
        is_in_pieces = bool(content) and chance.random() < 0.5
        if fate == "close":
            with self._lock:
                self._closings[which] += 1
            connection.close()
            with self._lock:
                self._closed[which] += 1
        if fate == "ping":
            connection.ping()
        if is_in_pieces:
            stream_id = connection.putrequest("POST", path)
            connection.putheader("authorization", who, stream_id=stream_id)
            connection.endheaders(stream_id=stream_id)
            connection.send(content[:7], stream_id=stream_id)
            connection.send(content[7:], final=True, stream_id=stream_id)
        else:
            stream_id = connection.request("POST", path, content, {"authorization": who})
        if fate == "cancel":
            connection.cancel(stream_id)
            return "cancelled"
        if fate == "timeout":
            with connection.within(0):
                response = connection.getresponse(stream_id)
        else:
            try:
                response = connection.getresponse(stream_id)
            except HTTP20Error as error:
                if not is_in_pieces and which == 0 and getattr(error, "retryable", False):
                    return f"not repeated after {error.attempts} times: {error}"[:90]
                raise
        if fate == "drop":
            return "dropped"
        answer = response.read()
        if response.stream_id != stream_id:
            return f"the response says stream {response.stream_id}, request() said {stream_id}"
        expected = Echo.answer_to("POST", path, who, content)
        return "right" if answer == expected else f"another's answer: {answer[:50]!r}"


ALLOWED = {"right", "cancelled", "dropped", "timeout", "closed", "died", "in pieces"}


def main() -> int:
    """Run, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begin = time.monotonic()
    soak = Soak(given.threads, given.requests, given.seconds, given.seed).run()
    total = sum(soak.outcomes.values())
    print(f"{total} requests by {given.threads} threads in {time.monotonic() - begin:.0f} s")
    for outcome, count in soak.outcomes.most_common(25):
        print(f"{count:9} {outcome}")
    print(f"{len(soak.faults)} faults")
    for words in soak.faults[:10]:
        print(f"    {words}")
    return bool(soak.faults)


if __name__ == "__main__":
    sys.exit(main())
