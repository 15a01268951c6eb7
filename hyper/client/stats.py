"""Figures of a connection, for who looks after a program that runs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .pumps import Pumps

#: Only a trace counts these, because it sees each frame. By direction, sent first.
COUNTED = ("octets", "frames", "resets", "pings")


def stats_of(pumps: Pumps) -> dict[str, Any]:
    """Return figures of the connection of the moment, or of none yet.

    Nothing is counted for it: the figures are there in any case, and those that are not are None.
    Another thread may change some while they are read.
    """
    found: dict[str, Any] = {
        "connections": pumps.made,
        "streams_open": 0,
        "streams_waiting": 0,
        "pushes_open": 0,
        "requests": 0,
        "reads": 0,
        "unread": 0,
        "unread_limit": None,
        "send_window": None,
        "receive_window": None,
        "round_trip": None,
        "pings_under_way": 0,
        "is_open": False,
    }
    pump = pumps.current
    wire = getattr(pump, "wire", None)
    for name in COUNTED:
        sent, received = getattr(wire, name, (None, None))
        found |= {f"{name}_sent": sent, f"{name}_received": received}
    if pump is None:
        return found
    endpoint = pump.endpoint
    return found | {
        "streams_open": len(endpoint.streams) - endpoint.pushes_open,
        "streams_waiting": len(pump.queue),
        "pushes_open": endpoint.pushes_open,
        "requests": endpoint.next_stream_id // 2,
        "reads": pump.silence.arrivals,
        "unread": endpoint.budget.held(),
        "unread_limit": endpoint.budget.limit,
        "send_window": endpoint.send_window.size,
        "receive_window": endpoint.receive_window.size,
        "round_trip": endpoint.round_trip or None,
        "pings_under_way": len(endpoint.pings),
        "is_open": endpoint.accepts_requests and not pump.is_closed,
    }
