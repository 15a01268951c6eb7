"""fields.py: what may stand in names and values (RFC 9113, 8.2; RFC 9110, 5), and FieldMap."""

from __future__ import annotations

import copy
import pickle

import pytest

from hyper import fields
from hyper.errors import LocalProtocolError
from hyper.fields import (
    FieldMap,
    NeverIndexed,
    has_never_indexed,
    incoming_fault,
    octets,
    outgoing,
    outgoing_section,
)

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize(
    ("text", "coded"),
    [("café", b"caf\xe9"), (b"any \xff octet", b"any \xff octet"), (42, b"42"), (-1, b"-1")],
)
def test_rfc9110_5_5_text_is_latin_1(text, coded):
    assert octets(text) == coded


def test_text_beyond_latin_1_is_refused_with_advice():
    with pytest.raises(LocalProtocolError, match="encode it to bytes first"):
        octets("€")


@pytest.mark.parametrize("text", [None, 1.5, bytearray(b"x"), ["x"]])
def test_other_types_are_type_errors(text):
    with pytest.raises(TypeError, match=r"str, bytes or int, not"):
        octets(text)


def test_rfc9110_5_6_2_a_name_that_we_send_is_a_token_in_any_case():
    for octet in range(256):
        name = b"x" + bytes((octet,))
        if name.lower()[1] in TOKEN:
            assert outgoing(name, "v") == (name.lower(), b"v")
        else:
            with pytest.raises(LocalProtocolError, match=r"5\.6\.2"):
                outgoing(name, "v")


def test_8_2_1_a_value_that_we_send_has_no_nul_cr_lf_and_loses_white_space_around_it():
    for octet in range(256):
        value = b"a" + bytes((octet,)) + b"b"
        if octet in b"\0\r\n":
            with pytest.raises(LocalProtocolError, match=r"8\.2\.1"):
                outgoing("x", value)
        else:
            assert outgoing("x", value) == (b"x", value)
    assert outgoing("x", " \tpadded\t ") == (b"x", b"padded")
    assert outgoing("x", "") == (b"x", b"")


def test_8_2_1_a_name_that_comes_has_no_control_upper_case_colon_or_non_ascii():
    bad = {*range(0x21), *range(0x41, 0x5B), *range(0x7F, 0x100), 0x3A}
    for octet in range(256):
        fault = incoming_fault(b"x" + bytes((octet,)), b"v")
        assert (fault is not None) == (octet in bad)
        assert fault is None or fault.endswith("(RFC 9113, 8.2.1)")


def test_8_2_1_a_value_that_comes_has_no_nul_cr_lf_nor_white_space_around_it():
    for octet in range(256):
        inside = incoming_fault(b"x", b"a" + bytes((octet,)) + b"b")
        around = [incoming_fault(b"x", v) for v in (b"a" + bytes((octet,)), bytes((octet,)) + b"a")]
        assert (inside is not None) == (octet in b"\0\r\n")
        assert [fault is not None for fault in around] == [octet in b"\0\r\n \t"] * 2
    assert incoming_fault(b"x", b"") is None


def test_8_2_2_fields_of_one_http_1_connection_do_not_come():
    faults = [incoming_fault(name, b"v") for name in sorted(fields.CONNECTION_SPECIFIC)]
    assert len(faults) == 5
    assert all(fault.endswith("belongs to HTTP/1.1 (RFC 9113, 8.2.2)") for fault in faults)


@pytest.mark.parametrize(
    "given",
    [
        {"Accept": "*/*", "X-Count": 3},
        [("Accept", "*/*"), ("X-Count", 3)],
        [["Accept", "*/*"], [b"x-count", b"3"]],
        iter([(b"ACCEPT", "*/*"), ("x-count", "3")]),
    ],
)
def test_headers_may_be_a_mapping_or_pairs_of_str_bytes_or_int(given):
    assert outgoing_section(given) == [(b"accept", b"*/*"), (b"x-count", b"3")]


def test_rfc9110_5_3_order_and_duplicates_are_kept():
    given = [("b", "1"), ("a", "2"), ("b", "1"), ("b", "3")]
    assert outgoing_section(given) == [(b"b", b"1"), (b"a", b"2"), (b"b", b"1"), (b"b", b"3")]


def test_a_field_that_was_refused_once_is_refused_again():
    for _ in range(2):
        with pytest.raises(LocalProtocolError):
            outgoing_section([("bad name", "v")])


def test_an_int_and_a_bool_do_not_answer_for_each_other():
    assert outgoing_section([("n", 1)]) == outgoing_section([("n", "1")]) == [(b"n", b"1")]


def test_the_memory_of_checked_fields_is_bounded():
    outgoing_section([("n", str(number)) for number in range(2 * fields.MAX_CHECKED_FIELDS)])
    assert len(fields._checked) <= fields.MAX_CHECKED_FIELDS
    large = "x" * fields.MAX_CHECKED_FIELD_SIZE
    assert outgoing_section([("large", large)]) == [(b"large", large.encode())]
    assert ("large", large) not in fields._checked


class TestNeverIndexed:
    plain, field = (b"x-token", b"t0ken"), NeverIndexed(b"x-token", b"t0ken")

    def test_it_equals_the_plain_field_and_hides_its_value(self):
        assert self.field == self.plain
        assert repr(self.field) == "NeverIndexed(b'x-token', ...)"

    def test_a_section_tells_whether_it_has_one(self):
        assert has_never_indexed((self.plain, self.field))
        assert not has_never_indexed((self.plain,))
        assert not has_never_indexed(())

    def test_rfc7541_7_1_3_it_stays_so_after_an_equal_field_that_was_not(self):
        for given in (self.plain, NeverIndexed("X-Token", " t0ken"), self.field, self.plain):
            section = outgoing_section([given])
            assert section == [self.plain]
            assert type(section[0]) is type(given)

    def test_it_is_checked_like_any_other(self):
        with pytest.raises(LocalProtocolError):
            outgoing_section([NeverIndexed("x-token", "t0\nken")])

    def test_it_has_no_subclasses(self):
        """They would not be known for what they are."""
        with pytest.raises(TypeError, match="no subclasses"):
            type("Secret", (NeverIndexed,), {})

    @pytest.mark.parametrize(
        "again", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]
    )
    def test_copies_stay_so(self, again):
        assert again(self.field) == self.plain
        assert type(again(self.field)) is NeverIndexed
        section = again(FieldMap([(b"a", b"1"), self.field]))
        assert section == FieldMap([(b"a", b"1"), self.plain])
        assert [type(field) for field in section.raw] == [tuple, NeverIndexed]


class TestFieldMap:
    section = FieldMap(
        [
            (b"content-type", b"Text/HTML; charset=UTF-8"),
            (b"set-cookie", b"a=1"),
            (b"x", b"caf\xe9"),
            (b"set-cookie", b"b=2"),
        ]
    )

    def test_a_name_in_any_case_gives_the_first_value(self):
        assert self.section["Set-Cookie"] == self.section.get("SET-COOKIE") == "a=1"
        assert self.section["x"] == "café"

    def test_what_is_not_there_is_none_or_the_default(self):
        assert self.section["absent"] is None
        assert self.section.get("absent", "default") == "default"
        assert self.section.get_all("absent") is None
        assert self.section.get_all("absent", []) == []
        assert self.section.joined("absent") is None

    def test_every_value_in_order(self):
        assert self.section.get_all("set-cookie") == ["a=1", "b=2"]
        assert self.section.joined("Set-Cookie") == "a=1, b=2"

    def test_the_list_that_it_gives_is_the_caller_s(self):
        self.section.get_all("set-cookie").clear()
        assert self.section.get_all("set-cookie") == ["a=1", "b=2"]

    def test_it_is_a_list_of_pairs_with_duplicates(self):
        assert len(self.section) == 4
        assert self.section.keys() == list(self.section)
        assert self.section.keys() == ["content-type", "set-cookie", "x", "set-cookie"]
        assert self.section.values()[1:] == ["a=1", "café", "b=2"]
        assert self.section.items() == list(zip(self.section.keys(), self.section.values()))
        assert self.section.raw[2] == (b"x", b"caf\xe9")

    def test_membership_is_by_name(self):
        assert "X" in self.section
        assert "absent" not in self.section
        assert b"x" not in self.section

    def test_equal_fields_make_equal_maps(self):
        same = FieldMap(list(self.section.raw))
        assert same == self.section
        assert hash(same) == hash(self.section)
        assert same != FieldMap()
        assert same != list(self.section.raw)
        assert repr(FieldMap([(b"a", b"1")])) == "FieldMap([('a', '1')])"

    @pytest.mark.parametrize(
        "field",
        [
            (b"authorization", b"Bearer s3cret"),
            (b"proxy-authorization", b"Basic s3cret"),
            (b"cookie", b"s3cret"),
            (b"set-cookie", b"id=s3cret"),
            NeverIndexed(b"x-token", b"s3cret"),
        ],
        ids=lambda field: field[0].decode(),
    )
    def test_rfc9113_10_6_what_is_shown_of_it_has_no_secret(self, field):
        section = FieldMap([(b"a", b"1"), field])
        assert repr(section) == f"FieldMap([('a', '1'), ('{field[0].decode()}', '...')])"
        assert "s3cret" in section[field[0].decode()]

    def test_rfc9110_8_3_the_media_type_as_a_message_gives_it(self):
        assert self.section.get_content_type() == "text/html"
        assert self.section.get_content_charset() == "utf-8"
        assert self.section.get_param("charset") == "UTF-8"
        assert FieldMap().get_content_type() == "text/plain"
        assert FieldMap().get_content_charset("latin-1") == "latin-1"
