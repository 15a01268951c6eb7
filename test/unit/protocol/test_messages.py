"""protocol/messages.py: requests out, responses and promises in (RFC 9113, 8).

Malformed messages are in test/rules/test_rfc9113_stream_errors.py; here stands what is left.
"""

from __future__ import annotations

import pytest

from hyper.errors import InvalidURL, LocalProtocolError, StreamFault
from hyper.fields import NeverIndexed, has_never_indexed, outgoing_section
from hyper.protocol import messages
from hyper.protocol.messages import (
    promised_request,
    request_fields,
    response_head,
    trailer_section,
)
from hyper.protocol.origins import Origin

ORIGIN = Origin("https", "example.org")


def yes(scheme, authority):
    return True


def test_an_origin_remembers_targets_within_bounds():
    origin = Origin("https", "example.org")
    for number in [*range(2 * messages.MAX_JUDGED), 5]:
        assert origin.target(f"/{number}")[-1] == (b":path", b"/%d" % number)
    assert len(origin._targets) <= messages.MAX_JUDGED
    large = "/" + "x" * messages.MAX_JUDGED_SIZE
    assert origin.target(large)[-1] == (b":path", large.encode())
    assert large not in origin._targets


@pytest.mark.parametrize("part", ["sp ace", "new\nline", "ümla ut", "\x7f"])
def test_8_3_1_an_origin_is_checked(part):
    with pytest.raises(InvalidURL, match="host"):
        Origin("https", part)
    with pytest.raises(InvalidURL):
        Origin(part, "example.org")


def section(url="/", method="GET", headers=(), implied=()):
    return messages.request_section(method, url, ORIGIN, request_fields(headers), implied)


def test_a_request_s_fields_are_pairs_of_octets_with_the_pseudo_header_fields_first():
    assert section("/x?y#z", "POST", {"A": "1", "b": 2}, ((b"c", b"3"),)) == (
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"example.org"),
        (b":path", b"/x?y"),
        (b"a", b"1"),
        (b"b", b"2"),
        (b"c", b"3"),
    )


@pytest.mark.parametrize("method", ["GET", "get", "PROPFIND", "M-SEARCH", "CONNECT"])
def test_rfc9110_9_1_a_method_is_sent_as_it_was_given(method):
    assert section("a:1" if method == "CONNECT" else "/", method)[0] == (
        b":method",
        method.encode(),
    )


@pytest.mark.parametrize("method", ["", "GET /", "GET\r\n", "GÉT"])
def test_rfc9110_9_1_a_method_is_a_token(method):
    with pytest.raises(LocalProtocolError, match=r"9110, 9\.1"):
        section("/", method)


def test_a_url_with_a_scheme_inside_its_query_is_a_path():
    sent = dict(section("/login?next=http://a"))
    assert sent[b":path"] == b"/login?next=http://a"
    assert sent[b":authority"] == b"example.org"


def test_8_3_1_host_replaces_the_authority_and_other_odd_fields_do_not():
    assert dict(section(headers={"connection": "close"}))[b":authority"] == b"example.org"
    assert dict(section(headers={"Host": "a:1"}))[b":authority"] == b"a:1"
    with pytest.raises(InvalidURL):
        section(headers={"Host": "a b"})


@pytest.mark.parametrize(
    "headers",
    [{"content-length": 5}, [("Content-Length", "5"), (b"content-length", b"5")], [["n", "v"]]],
)
def test_the_same_fields_are_checked_alike_a_second_time(headers):
    first, second = request_fields(headers), request_fields(headers)
    assert first.fields == second.fields == tuple(outgoing_section(headers))
    assert first.content_length == second.content_length


def plain(name, value):
    return (name, value)


def test_rfc7541_7_1_3_never_indexed_fields_stay_so_after_equal_ones_that_were_not():
    for kind in (plain, NeverIndexed, plain, NeverIndexed):
        given = [kind("x-a", "1"), kind("x-b", "2")]
        for section in (request_fields(given).fields, trailer_section(given)):
            assert section == ((b"x-a", b"1"), (b"x-b", b"2"))
            assert has_never_indexed(section) == (kind is NeverIndexed)


@pytest.mark.parametrize("values", [["x"], ["-1"], ["5", "6"], [""]])
def test_rfc9110_8_6_a_content_length_of_ours_is_one_number(values):
    with pytest.raises(LocalProtocolError, match=r"8\.6"):
        request_fields([("content-length", value) for value in values])


def test_codings_named_by_the_caller_are_noticed():
    assert request_fields({"Accept-Encoding": "br"}).names_codings
    assert not request_fields({"accept": "br"}).names_codings


def test_rfc9110_14_2_a_request_for_a_part_is_known_by_its_range():
    assert request_fields({"Range": "bytes=0-9"}).asks_for_part
    assert not request_fields({"if-range": '"etag"'}).asks_for_part


def test_the_memory_of_request_fields_is_bounded():
    for number in range(2 * messages.MAX_JUDGED):
        request_fields({"x": number})
    assert len(messages._given) <= messages.MAX_JUDGED
    large = {"x": "y" * messages.MAX_JUDGED_SIZE}
    assert request_fields(large) is not request_fields(large)


def head(*fields):
    return response_head(((b":status", b"200"), *fields), 1)


def test_8_3_2_a_response_head():
    judged = head((b"content-length", b"5"), (b"x", b"1"), (b"x", b"2"))
    assert judged.status == 200
    assert judged.content_length == 5
    assert judged.fields == ((b"content-length", b"5"), (b"x", b"1"), (b"x", b"2"))


def test_rfc9110_8_4_content_codings_are_joined_in_their_order():
    fields = (b"content-encoding", b"br"), (b"content-encoding", b"gzip, zstd")
    assert head(*fields).content_encoding == "br, gzip, zstd"
    assert head().content_encoding == ""


@pytest.mark.parametrize("value", [b"", b"-1", b"1e3", b"0x5", b"1,2", b"1,", b"9" * 20, b"\xb2"])
def test_8_1_1_a_content_length_that_is_no_number(value):
    with pytest.raises(StreamFault, match=r"8\.1\.1"):
        head((b"content-length", value))


@pytest.mark.parametrize(
    ("value", "size"), [(b"0", 0), (b"007", 7), (b"5, 5", 5), (b"9" * 19, 10**19 - 1)]
)
def test_8_1_1_content_length(value, size):
    assert head((b"content-length", value)).content_length == size


def test_a_head_that_was_seen_before_is_not_judged_again():
    assert head((b"server", b"same")) is head((b"server", b"same"))


def test_a_malformed_head_is_malformed_again_and_on_its_own_stream():
    for stream_id in (1, 3):
        with pytest.raises(StreamFault) as caught:
            response_head(((b":status", b"no"),), stream_id)
        assert caught.value.stream_id == stream_id


def test_10_5_the_memory_of_heads_is_bounded():
    for number in range(2 * messages.MAX_JUDGED):
        head((b"x", b"%d" % number))
    assert len(messages._judged) <= messages.MAX_JUDGED
    large = (b"x", bytes(range(0x21, 0x7F)) * 30)
    assert head(large) is not head(large)


PROMISE = (
    (b":method", b"HEAD"),
    (b":scheme", b"https"),
    (b":authority", b"example.org"),
    (b":path", b"/"),
)


def test_8_4_1_a_promised_request():
    request = promised_request((*PROMISE, (b"accept", b"*/*"), (b"content-length", b"0")), 2, yes)
    assert (request.method, request.scheme, request.authority, request.path) == (
        *("HEAD", "https", "example.org", "/"),
    )
    assert request.fields == ((b"accept", b"*/*"), (b"content-length", b"0"))


def test_8_4_2_who_covers_an_origin_is_asked_with_scheme_and_authority():
    asked = []
    with pytest.raises(StreamFault, match=r"8\.4\.2"):
        promised_request(PROMISE, 2, lambda *origin: asked.append(origin))
    assert asked == [("https", "example.org")]


@pytest.mark.parametrize("section", [PROMISE[:3], (*PROMISE, (b":status", b"200")), ()])
def test_8_4_1_a_promise_has_the_four_pseudo_header_fields_and_no_other(section):
    with pytest.raises(StreamFault, match=r"8\.4\.1"):
        promised_request(section, 2, yes)


def test_8_1_trailers_are_regular_fields():
    assert messages.trailers(((b"a", b"1"), (b"a", b"2")), 1) == ((b"a", b"1"), (b"a", b"2"))
    assert messages.trailers((), 1) == ()
    with pytest.raises(StreamFault, match=r"8\.1\)"):
        messages.trailers(((b":status", b"200"),), 1)


@pytest.mark.parametrize(
    ("value", "expects"), [("100-continue", True), ("100-Continue", True), ("else", False)]
)
def test_rfc9110_10_1_1_what_the_caller_expects_is_noted(value, expects):
    assert request_fields({"Expect": value}).expects_continue is expects
    assert not request_fields({}).expects_continue


def test_a_request_for_a_part_is_known_as_one():
    """RFC 9110, 14.2."""
    assert request_fields({"range": "bytes=0-99"}).asks_for_part
    assert not request_fields({"accept-ranges": "bytes"}).asks_for_part
