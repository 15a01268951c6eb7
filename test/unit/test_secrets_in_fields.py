"""The value of a field may be a secret: no message shows it, and no exception behind one has it
(RFC 9113, 10.6).
"""

from __future__ import annotations

import pytest

from hyper import HTTP20Connection, HTTPConnection, HTTPSConnection
from hyper.errors import LocalProtocolError
from hyper.proxies import Proxy
from test.words import all_words

SECRET = "c2VjcmV0LW9mLW1pbmU="
BAD = {
    "a bad name": ("bad name", "x"),
    "a bad value": ("x-bad", "a\nb"),
    "beyond latin-1": ("x-bad", "\u20ac"),
    "a bad type": ("x-bad", None),
    "a bad length": ("content-length", "many"),
}


@pytest.mark.parametrize(
    ("place", "bad"),
    # A trailer's length is not looked at.
    [("headers", bad) for bad in BAD] + [("trailers", bad) for bad in BAD if "length" not in bad],
)
@pytest.mark.parametrize("secret", ["authorization", "cookie", "proxy-authorization"])
def test_a_bad_field_shows_no_secret_beside_it(bad, secret, place):
    """RFC 9113, 10.6: not in the message, and not in the exceptions behind it."""
    connection = HTTP20Connection("localhost", 1)
    fields = [(secret, SECRET), BAD[bad]]
    with pytest.raises((ValueError, TypeError)) as caught:
        connection.request("POST", "/", b"", **{place: fields})
    assert SECRET not in all_words(caught.value)


@pytest.mark.parametrize("name", ["authorization", "Cookie", "Proxy-Authorization", "set-cookie"])
@pytest.mark.parametrize("end", ["\n", "\x00", "\u20ac"], ids=["line feed", "NUL", "euro"])
def test_a_secret_that_is_malformed_is_not_shown(name, end):
    """RFC 9113, 10.6: a token read from a file ends in a line feed more often than not."""
    connection = HTTP20Connection("localhost", 1)
    with pytest.raises(LocalProtocolError) as caught:
        connection.request("GET", "/", headers={name: SECRET + "\nmore" + end})
    assert SECRET not in all_words(caught.value)
    assert name.lower() in str(caught.value).lower()


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
@pytest.mark.parametrize("end", ["\n", "\u20ac"], ids=["line feed", "euro"])
def test_the_drop_in_shows_no_secret_that_is_malformed(kind, end):
    """RFC 9113, 10.6: http.client's own ValueError has the value."""
    connection = kind("localhost", 1)
    with pytest.raises(ValueError, match=r"Invalid header value|'latin-?1'") as caught:
        connection.request("GET", "/", headers={"authorization": SECRET + end + "more"})
    assert SECRET not in all_words(caught.value)


def test_a_bad_field_for_a_proxy_shows_no_secret():
    """RFC 9113, 10.6."""
    with pytest.raises(LocalProtocolError) as caught:
        Proxy("http://localhost", headers=[("proxy-authorization", SECRET), ("a b", "c")])
    assert SECRET not in all_words(caught.value)
