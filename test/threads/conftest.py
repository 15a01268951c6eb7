"""Fixtures: the pump's stage, and how often threads change places."""

from __future__ import annotations

import signal
from contextlib import nullcontext

import pytest

from test.threads.fake_network import Stage, tiny_switch_interval


@pytest.fixture(params=["usual", "tiny"], ids="{} switch interval".format)
def switching(request):
    """Threads change places now and then, or all the time."""
    with tiny_switch_interval() if request.param == "tiny" else nullcontext():
        yield


@pytest.fixture
def stage(monkeypatch, switching):
    scene = Stage(monkeypatch)
    yield scene
    scene.strike()


@pytest.fixture
def ctrl_c():
    """SIGINT raises KeyboardInterrupt, also where it is ignored: in the background, under nohup."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
