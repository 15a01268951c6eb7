"""hyper.trace.frame_list: frames as lines."""

from __future__ import annotations

import re

from hyper import trace
from test.unit.trace.story import EVENTS, frame

SGR = re.compile(r"\x1b\[[\d;]*m")


def test_a_frame_has_its_time_direction_stream_flags_and_fields():
    text = trace.frame_lines(EVENTS)
    assert "[   0.060] send HEADERS       stream 1, 40 octets, END_STREAM END_HEADERS\n" in text
    assert "                    :path: /page?q=1&r=%20x\n" in text
    assert "[   0.060] send SETTINGS      stream 0, 6 octets\n" in text
    assert "SETTINGS_ENABLE_PUSH = 1" in text
    assert "[   0.110] recv DATA          stream 1, 5 octets\n" in text
    assert "error code: CANCEL" in text


def test_the_way_to_the_server_and_the_end_are_lines_too():
    text = trace.frame_lines(EVENTS)
    for words in (
        "a.test is at 192.0.2.1",
        "connected to 192.0.2.1, port 443",
        "TLSv1.3, TLS_AES_128_GCM_SHA256; ALPN chose h2",
        "closed: the peer said GOAWAY",
    ):
        assert words in text


def test_colours_change_nothing_but_colours():
    plain, coloured = trace.frame_lines(EVENTS), trace.frame_lines(EVENTS, colours=True)
    assert SGR.sub("", coloured) == plain
    assert coloured != plain


def test_what_a_peer_sends_cannot_rule_the_terminal():
    text = trace.frame_lines(EVENTS)
    assert "\x1b" not in text
    assert r"bye\x1b[31m" in text


def test_flags_and_types_without_a_name_are_numbers():
    text = trace.frame_lines([frame(1.0, 0, 0xEE, 1, flags=0x40), frame(1.0, 1, 0, flags=0x41)])
    assert "type 0xee" in text
    assert "0x40" in text
    assert "END_STREAM 0x40" in text


def test_lines_can_be_written_as_frames_pass():
    written = []
    write = trace.FrameLines(written.append, start=10.0)
    for event in EVENTS:
        write(event)
    assert "".join(written) == trace.frame_lines(EVENTS)
    assert all(text.endswith("\n") for text in written)


def test_with_several_connections_each_line_has_a_number():
    other = frame(11.0, 1)._replace(connection=2)
    assert "#2 recv DATA" in trace.frame_lines([*EVENTS, other])
