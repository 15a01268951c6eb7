"""hyper.trace.chart and exchange_list: exchanges of events, and bars over time."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from hyper import trace
from hyper.trace.chart import size_in_words
from test.unit.trace.story import EVENTS

SGR = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def exchanges():
    return {each.stream: each for each in trace.exchanges(EVENTS)}


class TestExchanges:
    def test_have_the_moments_of_a_request_and_its_response(self, exchanges):
        first = exchanges[1]
        assert (first.queued, first.sent, first.request_ended) == (10.0, 10.060, 10.061)
        assert (first.head, first.first, first.ended) == (10.100, 10.110, 10.120)
        assert (first.status, first.size, first.url) == (200, 5, "https://a.test/page?q=1&r=%20x")
        assert first.informational[0][1] == 103
        assert first.trailers == (("digest", "d"),)

    def test_count_the_octets_of_their_frames(self, exchanges):
        """RFC 9113, 4.1."""
        assert exchanges[1].octets_sent == 40 + 9
        assert exchanges[1].octets_received == 20 + 30 + 25 + 5 + 4 * 9

    def test_tell_a_push_by_its_parent(self, exchanges):
        """RFC 9113, 8.4."""
        assert exchanges[2].is_pushed
        assert exchanges[2].parent == 1
        assert not exchanges[1].is_pushed

    def test_say_why_one_was_cut_short(self, exchanges):
        assert exchanges[3].error == "the server reset the stream with CANCEL"
        assert exchanges[3].request_content == b"a=\xe4"
        assert exchanges[1].error == ""

    def test_are_cut_short_by_the_end_of_their_connection(self):
        cut = [event for event in EVENTS if not isinstance(event, (trace.End, trace.Cancel))]
        assert {each.error for each in trace.exchanges(cut)} == {"the peer said GOAWAY"}

    def test_know_their_connection(self, exchanges):
        (connection,) = trace.connections(EVENTS)
        assert exchanges[1].connection.number == connection.number
        assert (connection.resolved, connection.connected, connection.secured) == (
            10.010,
            10.030,
            10.060,
        )
        assert connection.peer == ("192.0.2.1", 443)
        assert connection.tls.version == "TLSv1.3"
        assert connection.why == "the peer said GOAWAY"


class TestWaterfall:
    def test_has_a_bar_for_the_connection_and_for_each_exchange(self):
        lines = trace.waterfall(EVENTS, width=100).splitlines()
        assert len(lines) == 1 + 1 + 3 + 1
        assert lines[1].startswith("a.test:443")
        assert ".::" in lines[1]
        assert "++" in lines[1]
        assert "DNS 10.0, TCP 20.0, TLS 30.0 ms" in lines[1]
        assert re.match(r" 1 +GET /page", lines[2])
        assert re.search(r"200 +5 B +120.0 ms$", lines[2])
        assert re.match(r"\*2 +GET /style.css .*\*\*", lines[3])
        assert "the server reset the stream with CANCEL" in lines[4]
        assert "queued" in lines[-1]

    def test_shows_phases_in_the_order_of_time(self):
        bar = trace.waterfall(EVENTS, width=140).splitlines()[2]
        phases = re.sub(r"(.)\1+", r"\1", re.search(r"x (.*?) 200", bar)[1].strip())
        assert phases in (".>-=", ".-=")

    def test_is_the_same_with_colours_but_for_them(self):
        plain, coloured = trace.waterfall(EVENTS), trace.waterfall(EVENTS, colours=True)
        assert SGR.sub("", coloured) == plain
        assert coloured != plain

    @pytest.mark.parametrize("width", [10, 40, 80, 200])
    def test_fits_any_width_that_has_room_for_a_bar(self, width):
        for line in trace.waterfall(EVENTS, width=width).splitlines():
            if "CANCEL" not in line and "ms" in line and "DNS" not in line:
                assert len(line) <= max(width, 12 + 20 + 24 + 2)

    def test_says_so_if_nothing_was_sent(self):
        assert trace.waterfall([]) == "nothing was sent\n"
        assert "<svg" in trace.waterfall_svg([])

    def test_shows_a_connection_that_could_not_be_made(self):
        failed = [*EVENTS[:3], trace.Closed(10.5, 1, "nobody listens there", None)]
        assert "nobody listens there" in trace.waterfall(failed)

    def test_lets_no_control_of_a_peers_through(self):
        path = "/\x1b[31m\n\N{CJK UNIFIED IDEOGRAPH-4E2D}"
        sent = trace.RequestSent(1.0, 1, 1, "GET", "https", "a", path, (), 0.5, 1)
        for text in (trace.waterfall([sent]), trace.waterfall_svg([sent])):
            assert "\x1b" not in text
            assert "\\x1b" in text

    def test_as_svg_is_well_formed_and_has_each_exchange(self):
        tree = ET.fromstring(trace.waterfall_svg(EVENTS, title="a <page>"))
        texts = [each.text or "" for each in tree.iter("{http://www.w3.org/2000/svg}text")]
        assert any("/style.css" in text for text in texts)
        assert tree.find("{http://www.w3.org/2000/svg}title").text == "a <page>"


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2**30, "1.1 GB")]
)
def test_octets_are_told_with_a_unit(size, words):
    assert size_in_words(size) == words


def test_a_long_reason_is_cut_so_that_labels_can_be_read():
    closed = trace.Closed(1.0, 9, "a reason of many words " * 20, None)
    opening = trace.Opening(0.0, 9, "https", "example.org", 8, "example.org:8", "")
    text = trace.waterfall([opening, closed], width=80)
    assert "example.org:8" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_legend_fits_a_terminal_of_80_columns():
    long = [
        event._replace(host="a-name-of-some-length.example.org")
        if isinstance(event, trace.Opening)
        else event
        for event in EVENTS
    ]
    text = trace.waterfall(long, width=80)
    assert "* pushed" in text
    assert max(map(len, text.splitlines())) <= 80
