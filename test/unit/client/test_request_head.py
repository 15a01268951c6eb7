"""client/request_head.py: a head that is remembered is that of the same request, and no other."""

import pytest

from hyper.client.request_head import RequestHeads
from hyper.fields import NeverIndexed
from hyper.protocol.origins import Origin


@pytest.fixture
def heads():
    return RequestHeads(Origin("https", "example.org"), decodes=False)


def made(heads, headers, url="/"):
    return heads.of_request("GET", url, None, headers, (), None)


def own_fields(head):
    return [field for field in head.section if field[0].startswith(b"x-")]


def test_a_request_with_the_same_dict_of_fields_has_the_same_head(heads):
    first = made(heads, {"x-a": "1", "x-b": "2"})
    assert made(heads, {"x-a": "1", "x-b": "2"}) is first
    assert own_fields(first) == [(b"x-a", b"1"), (b"x-b", b"2")]


def test_a_dict_that_was_changed_since_is_sent_as_it_is_now(heads):
    headers = {"x-a": "1", "x-b": "2"}
    made(heads, headers)
    headers["x-b"] = "3"
    assert own_fields(made(heads, headers)) == [(b"x-a", b"1"), (b"x-b", b"3")]
    del headers["x-a"]
    headers["x-a"] = "1"
    assert own_fields(made(heads, headers)) == [(b"x-b", b"3"), (b"x-a", b"1")]


@pytest.mark.parametrize(
    ("headers", "other"),
    [
        ({"x-a": "x-b", "x-c": "1"}, {"x-a": "x-c", "x-b": "1"}),
        ({"x-a": "1"}, {}),
        ({}, {"x-a": "1"}),
        ({"x-a": "1"}, [("x-a", "1"), ("x-a", "1")]),
        ({"x-a": "1", "x-b": "2"}, [("x-b", "2"), ("x-a", "1")]),
    ],
)
def test_other_fields_are_another_request(heads, headers, other):
    pairs = list(other.items() if isinstance(other, dict) else other)
    made(heads, headers)
    sent = own_fields(made(heads, other))
    assert sent == [(name.encode(), value.encode()) for name, value in pairs]


def test_a_never_indexed_field_stays_one_after_an_equal_field_in_a_dict(heads):
    made(heads, {b"x-secret": b"value"})
    (field,) = own_fields(made(heads, [NeverIndexed(b"x-secret", b"value")]))
    assert type(field) is NeverIndexed
    (field,) = own_fields(made(heads, {b"x-secret": b"value"}))
    assert type(field) is tuple


@pytest.mark.parametrize("headers", [{"x-a": ["1"]}, {("x-a", "1"): "2"}, {"x-a": None}])
def test_a_dict_with_no_fields_in_it_is_refused_each_time(heads, headers):
    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            made(heads, headers)
