"""Ctrl-C at every line of the pump (rule 4)."""

from __future__ import annotations

import sys

import pytest

from hyper.errors import ConnectionTerminated
from hyper.pump import lock
from hyper.pump import pump as pump_module
from hyper.pump import waiter as waiter_module
from test.threads.fake_network import PLACE, Stage

FILES = {module.__file__ for module in (lock, pump_module, waiter_module)}


def interrupted(act, at):
    """Do act, struck by KeyboardInterrupt at the at-th chance in hyper/pump; and where that was.

    CPython looks for signals when a function begins and when a call of C ends; waiting for a lock
    may be broken off.
    """
    chances = [0]
    place: list[tuple[str, int, str]] = []

    def strike(frame, event, argument):
        if frame.f_code.co_filename not in FILES or event == "return":
            return
        called = getattr(argument, "__name__", "")
        if event == "c_call" and called != "acquire":
            return
        name = frame.f_code.co_name
        chances[0] += 1
        if chances[0] == at:
            sys.setprofile(None)
            place.append((name, frame.f_lineno, f"{event} {called}"))
            raise KeyboardInterrupt

    def struck():
        sys.setprofile(strike)
        try:
            act()
        finally:
            sys.setprofile(None)

    return struck, place


@pytest.mark.parametrize("role", ["waiter", "writer", "queuer"])
@pytest.mark.parametrize("leads", [True, False], ids=["leading", "beside a leader"])
def test_ctrl_c_anywhere_stops_nobody_else(monkeypatch, role, leads):
    """4: wherever an exception strikes a thread, the others go on, or learn that it is over."""
    failures = []
    for at in range(1, 400):
        place, failure = strike_once(Stage(monkeypatch), role, at, leads=leads)
        if failure:
            failures.append((at, place, failure))
        if not place:
            break
    else:
        pytest.fail("the scene is longer than the test thinks")
    assert not failures, "\n".join(map(str, failures))


def strike_once(stage, role, at, *, leads):
    """Play the scene once; where the victim was struck, if it was, and what went wrong then."""
    pump, endpoint = stage.pump, stage.endpoint
    roles = {
        "waiter": lambda: pump.wait(endpoint.has(2), (2, 0), None),
        "writer": lambda: (endpoint.outbound.append(bytes(10)), pump.drain(None)),
        "queuer": lambda: pump.wait_turn(
            lambda: endpoint.places > 0 or endpoint.failure is not None, None
        ),
    }
    others = [] if leads else [stage.wait_for(1)]
    if role == "writer":
        stage.transport.give_room(5)
    act, place = interrupted(roles[role], at)
    victim = stage.settle(stage.start(act, "victim"))
    others += [stage.wait_for(3), stage.wait_for(4)]
    stage.bring(bytes([4]), bytes([2, PLACE]))
    stage.transport.give_room()
    stage.bring(1, 3)
    try:
        error = victim.end()
        assert isinstance(error, (KeyboardInterrupt, type(None))), repr(error)
        stage.bring(bytes([1, 3, 4]))
        for other in others:
            error = other.end()
            assert isinstance(error, (ConnectionTerminated, type(None))), repr(error)
            assert not getattr(error, "retryable", False), repr(error)
        stage.strike()
    except AssertionError as failure:
        return place, repr(failure)
    return place, None
