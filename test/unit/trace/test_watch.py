"""hyper.trace.watch: who is told, and what becomes of an observer that raises."""

from __future__ import annotations

import sys
import types

import pytest

from hyper import HTTP20Connection, trace
from hyper.trace import watch

EVENT = trace.End(1.0, 1, 1)
SECRET = trace.Head(1.0, 1, 1, 200, (("set-cookie", trace.Secret("a=b")),))


@pytest.fixture(autouse=True)
def _nobody_is_installed():
    before, watch.installed = watch.installed, ()
    yield
    watch.installed = before


def test_nobody_watches_unless_somebody_asked_to():
    assert watch.watch_of(None) is None


def test_an_observer_of_the_process_is_told_once_however_often_it_is_installed():
    recorder = trace.Recorder()
    trace.install(recorder)
    trace.install(recorder)
    watch.watch_of(recorder).tell(EVENT)
    assert recorder.events == [EVENT]
    trace.uninstall(recorder)
    assert watch.watch_of(None) is None


def test_only_an_observer_that_asks_for_secrets_gets_them():
    curious, modest = trace.Recorder(secrets=True), trace.Recorder()
    trace.install(modest)
    watch.watch_of(curious).tell(SECRET)
    assert curious.events == [SECRET]
    assert modest.events == [SECRET._replace(fields=(("set-cookie", trace.REDACTED),))]


def test_an_observer_that_raises_is_told_of_once_and_stops_no_other(caplog):
    def broken(_event):
        raise ZeroDivisionError("mine")

    recorder = trace.Recorder()
    trace.install(broken)
    both = watch.watch_of(recorder)
    both.tell(EVENT)
    both.tell(EVENT)
    assert recorder.events == [EVENT, EVENT]
    assert [record.name for record in caplog.records] == ["hyper"]
    assert "ZeroDivisionError" in caplog.text


def test_an_interruption_in_an_observer_goes_through():
    def interrupted(_event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch.watch_of(interrupted).tell(EVENT)


def test_a_recorder_keeps_the_events_in_order_and_can_forget_them():
    recorder = trace.Recorder()
    recorder(EVENT)
    recorder(SECRET)
    assert list(recorder) == [EVENT, SECRET]
    recorder.clear()
    assert len(recorder) == 0


def test_what_is_no_observer_is_refused_where_it_was_given():
    with pytest.raises(TypeError, match="trace is a callable"):
        HTTP20Connection("localhost", trace="frames")


def test_another_thread_may_be_importing_logging_at_the_moment(monkeypatch):
    """A module stands in sys.modules before it has its names."""
    monkeypatch.setitem(sys.modules, "logging", types.ModuleType("logging"))
    assert watch.watch_of(None) is None
