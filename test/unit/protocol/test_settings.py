"""protocol/settings.py: what each side allows the other (RFC 9113, 6.5)."""

from __future__ import annotations

import pytest

from hyper.errors import ConnectionFault, LocalProtocolError
from hyper.protocol import settings
from hyper.protocol.settings import LocalSettings, PeerSettings, announcement, check
from hyper.testing import wire

MOST = 2**32 - 1

# Initial value, lowest, highest, code outside of these (RFC 9113, 6.5.2; RFC 8441, 3; RFC 9218,
# 2.1).
TABLE = {
    "SETTINGS_HEADER_TABLE_SIZE": (4096, 0, MOST, None),
    "SETTINGS_ENABLE_PUSH": (1, 0, 1, wire.PROTOCOL_ERROR),
    "SETTINGS_MAX_CONCURRENT_STREAMS": (MOST, 0, MOST, None),
    "SETTINGS_INITIAL_WINDOW_SIZE": (65_535, 0, 2**31 - 1, wire.FLOW_CONTROL_ERROR),
    "SETTINGS_MAX_FRAME_SIZE": (16_384, 16_384, 2**24 - 1, wire.PROTOCOL_ERROR),
    "SETTINGS_MAX_HEADER_LIST_SIZE": (MOST, 0, MOST, None),
    "SETTINGS_ENABLE_CONNECT_PROTOCOL": (0, 0, 1, wire.PROTOCOL_ERROR),
    "SETTINGS_NO_RFC7540_PRIORITIES": (0, 0, 1, wire.PROTOCOL_ERROR),
}


def test_6_5_2_every_setting_has_its_initial_value():
    initial = {name: line[0] for name, line in TABLE.items()}
    assert LocalSettings().as_dict() == PeerSettings().as_dict() == initial
    assert repr(LocalSettings()) == f"Settings({initial!r})"


@pytest.mark.parametrize("name", TABLE)
def test_6_5_2_values_within_their_bounds_and_no_others(name):
    _, lowest, highest, code = TABLE[name]
    identifier = getattr(settings, name)
    assert identifier == getattr(wire, name)
    assert check(identifier, lowest) is None
    assert check(identifier, highest) is None
    for value in {lowest - 1, highest + 1} - {-1, MOST + 1}:
        found, why = check(identifier, value)
        assert found == code
        assert name in why
        assert str(value) in why


def test_6_5_2_unknown_settings_may_have_any_value_and_are_ignored():
    assert check(0xF00D, MOST) is None
    peer, local = PeerSettings(), LocalSettings()
    assert peer.apply([(0xF00D, 7)]) == {}
    local.announce({0xF00D: 7})
    assert local.acknowledge() == {0xF00D: 7}
    assert peer[0xF00D] == local[0xF00D] == 0
    assert local.as_dict() == peer.as_dict()


def test_the_caller_s_settings_go_over_our_own_by_name_or_number():
    own = {wire.SETTINGS_ENABLE_PUSH: 1, wire.SETTINGS_MAX_HEADER_LIST_SIZE: 5}
    given = {"SETTINGS_ENABLE_PUSH": 0, wire.SETTINGS_MAX_FRAME_SIZE: 20_000, 0xF00D: 7}
    assert announcement(own, given) == {0x2: 0, 0x6: 5, 0x5: 20_000, 0xF00D: 7}
    assert own[wire.SETTINGS_ENABLE_PUSH] == 1


@pytest.mark.parametrize(
    ("name", "words"), [("SETTINGS_WEATHER", "not a setting"), (0x5, "20 is not within 16384")]
)
def test_6_5_2_a_setting_that_is_none_or_has_a_bad_value_is_the_caller_s_fault(name, words):
    with pytest.raises(LocalProtocolError, match=words):
        announcement({}, {name: 20})


@pytest.mark.parametrize(
    "given",
    [{-1: 1}, {0x10000: 1}, {1.5: 1}, {None: 1}, {b"x": 1}, {0x99: -1}, {0x99: 2**32}],
    ids=str,
)
def test_6_5_1_a_setting_that_has_no_place_in_the_frame_is_refused_when_it_is_given(given):
    with pytest.raises(LocalProtocolError, match=r"6\.5\.1"):
        announcement({}, given)


@pytest.mark.parametrize("value", [1.5, "4096", None, b"1"], ids=repr)
def test_6_5_1_the_value_of_a_setting_is_an_integer(value):
    with pytest.raises(TypeError, match=r"SETTINGS_INITIAL_WINDOW_SIZE' is an integer"):
        announcement({}, {"SETTINGS_INITIAL_WINDOW_SIZE": value})


def test_6_5_3_ours_are_in_force_when_acknowledged_in_their_order():
    local = LocalSettings()
    local.announce({wire.SETTINGS_ENABLE_PUSH: 0})
    local.announce({wire.SETTINGS_ENABLE_PUSH: 1, wire.SETTINGS_INITIAL_WINDOW_SIZE: 5})
    assert local[wire.SETTINGS_ENABLE_PUSH] == 1
    assert local.acknowledge() == {wire.SETTINGS_ENABLE_PUSH: 0}
    assert (local[wire.SETTINGS_ENABLE_PUSH], local[wire.SETTINGS_INITIAL_WINDOW_SIZE]) == (
        *(0, 65_535),
    )
    local.acknowledge()
    assert (local[wire.SETTINGS_ENABLE_PUSH], local[wire.SETTINGS_INITIAL_WINDOW_SIZE]) == (1, 5)
    with pytest.raises(ConnectionFault, match=r"6\.5\.3"):
        local.acknowledge()


def test_a_bad_value_of_ours_is_the_caller_s_fault_and_nothing_is_announced():
    local = LocalSettings()
    with pytest.raises(LocalProtocolError, match="SETTINGS_ENABLE_PUSH of 2"):
        local.announce({wire.SETTINGS_ENABLE_PUSH: 2})
    with pytest.raises(ConnectionFault):
        local.acknowledge()


def test_the_peer_s_are_in_force_at_once_and_in_order():
    peer = PeerSettings()
    assert not peer.received
    size = wire.SETTINGS_INITIAL_WINDOW_SIZE
    assert peer.apply([(size, 1), (wire.SETTINGS_MAX_FRAME_SIZE, 20_000), (size, 2)]) == {
        size: [65_535, 1, 2],
        wire.SETTINGS_MAX_FRAME_SIZE: [16_384, 20_000],
    }
    assert peer.received
    assert peer[size] == 2
    assert peer.apply([]) == {}


@pytest.mark.parametrize(
    ("first", "then", "section"),
    [
        ([], (wire.SETTINGS_ENABLE_PUSH, 1), "RFC 9113, 6.5.2"),
        ([(wire.SETTINGS_ENABLE_CONNECT_PROTOCOL, 1)], (0x8, 0), "RFC 8441, 3"),
        ([], (wire.SETTINGS_NO_RFC7540_PRIORITIES, 1), "RFC 9218, 2.1"),
        ([(wire.SETTINGS_NO_RFC7540_PRIORITIES, 1)], (0x9, 0), "RFC 9218, 2.1"),
    ],
)
def test_what_a_server_must_not_say(first, then, section):
    peer = PeerSettings()
    peer.apply(first)
    with pytest.raises(ConnectionFault, match=section) as caught:
        peer.apply([then])
    assert caught.value.code == wire.PROTOCOL_ERROR


def test_what_a_server_may_say_again():
    peer = PeerSettings()
    for _ in range(2):
        peer.apply([(wire.SETTINGS_ENABLE_PUSH, 0), (0x8, 1), (0x9, 1)])
    assert (peer[0x2], peer[0x8], peer[0x9]) == (0, 1, 1)
