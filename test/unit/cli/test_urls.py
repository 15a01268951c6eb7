"""URLs as they are typed."""

from __future__ import annotations

import pytest

from hyper.cli.faults import UsageError
from hyper.cli.urls import target_of


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("example.org", "https://example.org/"),
        ("example.org/a b?c=d e#f", "https://example.org/a%20b?c=d%20e"),
        ("http://example.org:8080/x", "http://example.org:8080/x"),
        (":3000/x", "https://localhost:3000/x"),
        (":/x", "https://localhost/x"),
        (":", "https://localhost/"),
        ("://example.org", "https://example.org/"),
        ("[::1]:8443/x", "https://[::1]:8443/x"),
        ("example.org?a=1", "https://example.org/?a=1"),
        ("example.org/%C3%BC/ü", "https://example.org/%C3%BC/%C3%BC"),
    ],
)
def test_what_is_missing_is_filled_in(text, url):
    assert target_of(text, "https").url == url


def test_the_scheme_of_cleartext():
    assert target_of(":3000", "http").url == "http://localhost:3000/"


def test_parameters_are_added_and_encoded():
    url = target_of("example.org/?a=1#x", "https", [("b c", "d&e"), ("f", "")]).url
    assert url == "https://example.org/?a=1&b+c=d%26e&f="


def test_a_login_is_taken_out_of_the_url():
    target = target_of("https://me:p%40ss@example.org/", "https")
    assert (target.url, target.user) == ("https://example.org/", "me:p@ss")


@pytest.mark.parametrize("text", ["ftp://x/", "https://", "https://me:secret@x:port/", "//x"])
def test_what_is_no_url_is_told_without_a_password(text):
    with pytest.raises(UsageError) as told:
        target_of(text, "https")
    assert "secret" not in str(told.value)
