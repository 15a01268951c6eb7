"""client/pumps.py: which connection is the one of the moment (RFC 9113, 6.8)."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from hyper.client.pumps import Pumps
from hyper.client.timeouts import Timeouts
from hyper.errors import ConnectionTerminated


class Connection:
    """As much of a pump as is asked when it is made and ended."""

    is_closed = False

    def __init__(self):
        self.lock = threading.RLock()
        self.endpoint = SimpleNamespace(accepts_requests=True, streams={}, promises={})
        self.silence = SimpleNamespace(suspected=-1, arrivals=0)

    def end(self, _code, _failure):
        self.is_closed = True
        return True


def test_a_connection_whose_dial_began_before_close_is_shown_to_no_request_after_it():
    """6.8: such a request would be ended by a close() that was over before it began."""
    shown, dialled = [], []

    class Watched(Pumps):
        @property
        def current(self):
            return shown[-1] if shown else None

        @current.setter
        def current(self, pump):
            if pump is not None:
                shown.append(pump)

    def dial(_):
        dialled.append(Connection())
        if len(dialled) == 1:  # the dial has just succeeded when another thread closes
            closer = threading.Thread(target=pumps.close, args=(None,))
            closer.start()
            closer.join()
        return dialled[-1]

    pumps = Watched(dial, Timeouts(10), "localhost")
    with pytest.raises(ConnectionTerminated, match="closed on this side"):
        pumps.live()
    assert shown == []
    assert dialled[0].is_closed
    assert pumps.live() is dialled[1]
