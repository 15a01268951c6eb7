"""hyper.transport.wakeup: one thread ends the waits of others."""

from __future__ import annotations

import select
import socket

import pytest

from hyper.transport import wakeup as wakeup_module
from hyper.transport.wakeup import Wakeup


@pytest.fixture
def wakeup():
    made = Wakeup()
    yield made
    made.close()


def ends_a_wait(wakeup):
    return bool(select.select([wakeup.pair[0]], [], [], 0)[0])


def test_nothing_is_opened_before_it_is_armed(wakeup):
    assert wakeup.pair is None
    wakeup.notify()
    wakeup.drain()
    assert wakeup.pair is None


def test_a_notification_ends_all_waits_until_it_is_drained(wakeup):
    wakeup.arm()
    assert not ends_a_wait(wakeup)
    wakeup.notify()
    wakeup.notify()
    assert ends_a_wait(wakeup)
    assert ends_a_wait(wakeup)
    wakeup.drain()
    assert not ends_a_wait(wakeup)
    wakeup.drain()


def test_arming_twice_opens_one_pair(wakeup):
    wakeup.arm()
    reader = wakeup.pair[0]
    wakeup.arm()
    assert wakeup.pair[0] is reader


def test_more_notifications_than_there_is_room_for_do_no_harm(wakeup):
    wakeup.arm()
    for _ in range(100_000):
        wakeup.notify()
    assert ends_a_wait(wakeup)


def test_a_notification_after_the_end_does_no_harm(wakeup):
    """A destructor may come late."""
    wakeup.arm()
    reader = wakeup.pair[0]
    wakeup.close()
    assert reader.fileno() == -1
    wakeup.notify()


def test_a_pair_that_cannot_be_opened_leaves_it_unarmed(wakeup, monkeypatch):
    """The process may have no file descriptor left."""

    def refuse():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(wakeup_module, "_stock", wakeup_module._Stock())  # none is spare
    monkeypatch.setattr(wakeup_module.socket, "socketpair", refuse)
    with pytest.raises(OSError, match="Too many"):
        wakeup.arm()
    assert wakeup.pair is None
    monkeypatch.undo()
    assert socket.socketpair
    wakeup.arm()
    assert wakeup.pair is not None
