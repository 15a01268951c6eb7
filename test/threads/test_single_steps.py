"""Deques that threads share without the lock: single steps, with the GIL or without.

``append``, ``popleft`` and the truth of a deque are one step each. An iteration is many steps, and
so is a copy without a GIL: another thread may change the deque between two of them, and the next
one raises RuntimeError. Here another thread does so between any two steps.
"""

from __future__ import annotations

import gc
import weakref
from collections import deque

import pytest

from hyper import HTTP20Connection
from hyper.errors import ConnectionTerminated, Failure
from hyper.protocol.flow import budget as budget_module
from hyper.protocol.flow.budget import Budget
from hyper.protocol.states import OPEN
from hyper.protocol.stream import Stream
from hyper.pump import pump as pump_module
from test.origin import Echo

DEADLINE = 10.0


class Shared(deque):
    """A deque that another thread uses, too: `meanwhile` is done before each step.

    Whatever takes more than one step raises, as it does if a thread has changed the deque.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.meanwhile = lambda: None

    def __bool__(self):
        is_filled = len(list(super().__iter__())) > 0
        self._other_thread()
        return is_filled

    def __len__(self):
        size = super().__len__()
        self._other_thread()
        return size

    def popleft(self):
        self._other_thread()
        return super().popleft()

    def __getitem__(self, index):
        self._other_thread()
        return super().__getitem__(index)

    def _other_thread(self):
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        try:
            meanwhile()
        finally:
            self.meanwhile = meanwhile

    def _many_steps(self, *_):
        raise RuntimeError("deque mutated during iteration")

    __iter__ = __reversed__ = __contains__ = copy = __copy__ = index = count = _many_steps
    extend = clear = remove = _many_steps


def emptied_by_another(shared):
    """Have another thread take the last item before each of our steps."""

    def take():
        if deque.__len__(shared):
            deque.popleft(shared)

    shared.meanwhile = take


@pytest.mark.parametrize("size", range(4))
def test_what_was_read_of_a_former_connection_is_summed_while_its_thread_takes_it(size):
    """5.2.2: the sum may be out of date, and never an exception."""
    former = Budget(100)
    former.in_use = 50
    former.freed = Shared([1] * size)
    budget = Budget(100, [weakref.ref(former)])
    assert budget.total() == 50 - size
    emptied_by_another(former.freed)
    assert 50 - size <= budget.total() <= 50


def test_what_is_read_while_a_budget_is_summed_counts_in_the_next_sum():
    """5.2.2: nothing is lost, whenever a thread notes what it has read."""
    budget = Budget(100)
    budget.in_use = 50
    budget.freed = Shared([1])
    noted = []

    def note():
        if len(noted) < 3:
            noted.append(2)
            budget.freed.append(2)

    budget.freed.meanwhile = note
    budget.total()
    budget.freed.meanwhile = lambda: None
    assert budget.total() == 50 - 1 - sum(noted)
    assert noted


@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize("count", range(7))
def test_notes_that_another_thread_reads_meanwhile_raise_nothing(stage, count, is_closed):
    """Rule 11: whichever thread takes a note, the others go on."""
    pump = stage.pump
    if is_closed:
        pump.close()

    def leave_notes():
        pump.notes = Shared(Stream(2 * number + 1, OPEN, "GET") for number in range(count))
        emptied_by_another(pump.notes)

    leave_notes()
    pump.drop_from_finalizer(Stream(99, OPEN, "GET"))
    assert not deque.__len__(pump.notes)
    leave_notes()
    pump.collect_dropped()
    assert not deque.__len__(pump.notes)
    leave_notes()
    with pump.lock:
        pump.flush()
        pump.close()
    assert not deque.__len__(pump.notes)


def test_a_connection_is_closed_while_threads_note_what_they_have_read(stage):
    """6.8: ``close`` was where a deque was copied."""
    pump, budget = stage.pump, stage.endpoint.budget
    budget.freed = Shared()
    pump.notes = Shared()
    pump.notes.meanwhile = lambda: pump.release(1)
    stage.endpoint.fail(Failure(ConnectionTerminated, "gone"))
    with pump.lock:
        pump.close()
    pump.drop_from_finalizer(Stream(1, OPEN, "GET"))
    pump.notes.meanwhile = lambda: None
    assert not pump.notes
    noted = -budget.total()
    assert noted > 0


def test_no_part_of_a_connections_life_iterates_over_what_threads_note(monkeypatch):
    """Requests, drops, a second connection that counts the first one's, and the end."""
    made = []

    def shared():
        made.append(Shared())
        return made[-1]

    with Echo(goaway_every=2) as server:
        monkeypatch.setattr(budget_module, "deque", shared)
        monkeypatch.setattr(pump_module, "deque", Queue.made_with(shared))
        with HTTP20Connection("127.0.0.1", server.port, secure=False, timeout=DEADLINE) as client:
            kept = []
            for number in range(6):
                path = f"/{number}"
                kept.append(client.getresponse(client.request("POST", path, bytes(1000))))
                if number % 3 == 0:
                    kept.pop()  # a response that nobody reads
                    gc.collect()
            for response in kept[::2]:
                assert len(response.read()) > 1000
            client.cancel(client.request("GET", "/cancelled"))
    assert len(made) > 4


class Queue(deque):
    """The pump's queue, which the lock guards: it may be iterated. The next one is of the notes."""

    @staticmethod
    def made_with(shared):
        """Return what stands for `deque` in pump.py: a queue first, then notes, and so on."""
        numbers = iter(range(1_000_000))
        return lambda: Queue() if next(numbers) % 2 == 0 else shared()
