"""A few of ``python -m test.attacks``: they end, and take little memory."""

from __future__ import annotations

import sys

import pytest

from test.attacks.__main__ import play, row
from test.attacks.servers import ATTACKS

MOST_KIB = 32 * 1024

FEW = {
    "DATA without content": "IncompleteRead",
    "103 of 8,000 octets": "StreamResetError",
    "HPACK: references to a large entry": "FieldSectionTooLarge",
    "proxy: a head without end": "ProxyError",
}


def test_there_are_fifty_attacks_and_more():
    assert len(ATTACKS) >= 50


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")
@pytest.mark.parametrize("name", FEW)
def test_an_attack_ends_in_its_error_and_takes_little_memory(name):
    """RFC 9113, 10.5."""
    result = play(name)
    assert result["end"].startswith(FEW[name])
    assert result["kib"] < MOST_KIB
    assert result["sent"] > 0
    assert name in row(name, result)


@pytest.mark.parametrize("door", ["dropin", "pool", "command"])
def test_an_attack_by_another_door_ends_too(door):
    """The other doors need TLS, or packages that are not here everywhere."""
    result = play("CONTINUATION of one octet", door=door)
    assert result["end"].startswith(("RemoteProtocolError", "SystemExit: exit code 16"))
    assert result["seconds"] < 30
