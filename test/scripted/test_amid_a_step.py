"""A signal handler that raises in the middle of a step: the next request is right all the same."""

from __future__ import annotations

import pytest

from hyper import HTTP20Connection
from test.origin import Echo


class Struck(BaseException):
    """A signal handler raised it."""


def strike_once(monkeypatch, owner, name):
    """Have a method raise at the end of its next call, as CPython does for a signal."""
    method = getattr(owner, name)

    def struck(*arguments):
        monkeypatch.setattr(owner, name, method)
        method(*arguments)
        raise Struck

    monkeypatch.setattr(owner, name, struck)


def connect_to(origin):
    return HTTP20Connection("127.0.0.1", origin.port, secure=False, timeout=10)


def ask(connection, path, who):
    stream_id = connection.request("GET", path, headers={"authorization": who})
    return connection.getresponse(stream_id).read()


@pytest.mark.parametrize("is_trailer", [False, True], ids=["header section", "trailer section"])
def test_a_field_section_that_was_lost_half_way_leaves_no_other_request_with_its_fields(
    monkeypatch, is_trailer
):
    """RFC 9113, 4.3: the peer's decoder would be out of step, and take one field for another."""
    with Echo() as origin, connect_to(origin) as connection:
        assert ask(connection, "/a", "first") == Echo.answer_to("GET", "/a", "first")
        if is_trailer:
            stream_id = connection.putrequest("POST", "/b")
            connection.endheaders(stream_id=stream_id)
        strike_once(monkeypatch, type(connection._pumps.current.endpoint.encoder), "encode_section")
        step = lambda: ask(connection, "/b", "second")  # noqa: E731
        if is_trailer:
            step = lambda: connection.send_trailers({"x-check": "sum"}, stream_id)  # noqa: E731
        with pytest.raises(Struck):
            step()
        assert ask(connection, "/c", "third") == Echo.answer_to("GET", "/c", "third")
        assert ask(connection, "/a", "first") == Echo.answer_to("GET", "/a", "first")


def test_a_thread_that_is_struck_as_it_stops_connecting_keeps_no_other_from_it(monkeypatch):
    """RFC 9113, 9.1: else every later request would wait for it."""
    with Echo() as origin, connect_to(origin) as connection:
        lock = type(connection._pumps._connecting)
        is_held = lock.is_held

        def struck(_):
            monkeypatch.setattr(lock, "is_held", is_held)
            raise Struck

        monkeypatch.setattr(lock, "is_held", struck)
        with pytest.raises(Struck):
            connection.connect()
        assert not connection._pumps._connecting.is_held()
        assert ask(connection, "/a", "first") == Echo.answer_to("GET", "/a", "first")
